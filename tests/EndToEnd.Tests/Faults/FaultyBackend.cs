using System.Security.Cryptography;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>What goes wrong with one answer. True where the connection goes on afterwards.</summary>
/// <param name="connection">The connection on which a request was read to its end.</param>
/// <param name="answer">What a healthy backend would answer: the body of the response.</param>
internal delegate Task<bool> BackendFault(BackendConnection connection, string answer);

/// <summary>A backend that answers each request with its id and the hash of its body, and plays a fault on every third while one is injected.</summary>
internal sealed class FaultyBackend : IAsyncDisposable
{
    private const int FaultEvery = 3;
    private readonly HashSet<BackendConnection> _kept = [];
    private volatile BackendFault? _fault;
    private int _asked;
    private int _playing;
    private int _played;

    private FaultyBackend() => Backend = ScriptedBackend.Start(PlayAsync);

    /// <summary>The server with its ledger.</summary>
    public ScriptedBackend Backend { get; }

    public int Port => Backend.Port;

    public static FaultyBackend Start() => new();

    /// <summary>The answer that belongs to a request.</summary>
    public static string AnswerTo(string id, byte[] body) => $"{id} {Convert.ToHexString(SHA256.HashData(body))}";

    /// <summary>A whole response with that body.</summary>
    public static string ResponseOf(string answer) => BackendScripts.ResponseText(200, answer, [], withBody: true);

    /// <summary>Injects a fault and waits until it was played so often.</summary>
    public async Task InjectAsync(BackendFault fault, int times)
    {
        _fault = fault;
        await Patience.UntilAsync(() => Volatile.Read(ref _played) >= times, $"{times} faults");
    }

    /// <summary>Lifts the fault; every connection that was broken by it has ended when this returns.</summary>
    public Task LiftAsync()
    {
        _fault = null;
        return Patience.UntilAsync(() => Volatile.Read(ref _playing) == 0, "the end of the last fault");
    }

    /// <summary>Ends, in an orderly way and all at once, every connection that has served a request: to the proxy they are kept ones.</summary>
    public int CloseKept()
    {
        lock (_kept)
        {
            foreach (var connection in _kept)
            {
                connection.Socket.Dispose();
            }

            var count = _kept.Count;
            _kept.Clear();
            return count;
        }
    }

    public ValueTask DisposeAsync() => Backend.DisposeAsync();

    private async Task PlayAsync(BackendConnection connection)
    {
        try
        {
            while (await connection.ReadRequestAsync() is { } request)
            {
                if (!await AnswerAsync(connection, AnswerTo(request.Headers[SteadyTraffic.IdHeader]!, request.Body)))
                {
                    return;
                }
            }
        }
        finally
        {
            lock (_kept)
            {
                _kept.Remove(connection);
            }
        }
    }

    private async Task<bool> AnswerAsync(BackendConnection connection, string answer)
    {
        Interlocked.Increment(ref _playing);
        try
        {
            if (_fault is { } fault && Interlocked.Increment(ref _asked) % FaultEvery == 0)
            {
                Interlocked.Increment(ref _played);
                return await fault(connection, answer) || End(connection);
            }
        }
        catch
        {
            End(connection);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _playing);
        }

        await connection.SendAsync(ResponseOf(answer));
        lock (_kept)
        {
            _kept.Add(connection);
        }

        return true;
    }

    private static bool End(BackendConnection connection)
    {
        connection.Socket.Dispose();
        return false;
    }
}
