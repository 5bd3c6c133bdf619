using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>One request and what became of it.</summary>
/// <param name="Client">Who asked.</param>
/// <param name="Ordinal">The client's how-manieth request.</param>
/// <param name="Expected">The right body of the response: see <see cref="FaultyBackend.AnswerTo"/>.</param>
/// <param name="IsAfterFault">Begun after <see cref="FaultTraffic.MarkLifted"/>.</param>
internal sealed record FaultRecord(
    string Id, int Client, int Ordinal, string Method, string Expected, bool IsAfterFault, RawResponse? Response, Exception? Fault)
{
    /// <summary>A whole response with a 2xx status.</summary>
    public bool IsSuccess => Response is { Status: >= 200 and < 300 };

    public override string ToString() => $"{Id} {Method}: {(Response is null ? Fault?.Message : $"{Response.Status} {Response.BodyText}")}";
}

/// <summary>Clients that ask without a pause over kept connections: a GET, a POST with a length, a POST in chunks, and again. Each keeps a ledger.</summary>
internal sealed class FaultTraffic : IAsyncDisposable
{
    private const int MaxBody = 40_000;
    private const int MaxRecords = 50_000;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<FaultRecord> _records = new();
    private readonly int _port;
    private readonly Task _running;
    private volatile bool _isLifted;

    private FaultTraffic(int port, int clients)
    {
        _port = port;
        _running = Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => AskAsync(client))));
    }

    public static FaultTraffic Start(int port, int clients = 8) => new(port, clients);

    /// <summary>Requests that begin from now on must succeed.</summary>
    public void MarkLifted() => _isLifted = true;

    /// <summary>Waits until so many more requests have ended, well or not.</summary>
    public Task WaitForMoreAsync(int count)
    {
        var goal = _records.Count + count;
        return Patience.UntilAsync(() => _records.Count >= goal || _running.IsCompleted, $"{count} more requests of the traffic");
    }

    /// <summary>Lets every client end its request and returns the whole ledger.</summary>
    public async Task<IReadOnlyList<FaultRecord>> StopAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        return [.. _records];
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task AskAsync(int number)
    {
        var random = new Random(number);
        RawHttpClient? client = null;
        for (var ordinal = 1; !_stopping.IsCancellationRequested && _records.Count < MaxRecords; ordinal++)
        {
            var method = ordinal % 3 == 1 ? "GET" : "POST";
            var body = method == "GET" ? [] : new byte[random.Next(MaxBody)];
            random.NextBytes(body);
            var id = $"c{number}-{ordinal}";
            var record = new FaultRecord(id, number, ordinal, method, FaultyBackend.AnswerTo(id, body), _isLifted, null, null);
            try
            {
                client ??= await RawHttpClient.ConnectAsync(_port);
                await client.SendAsync(Request(id, method, body, isChunked: ordinal % 3 == 0));
                record = record with { Response = await client.ReadResponseAsync(method) };
            }
            catch (Exception e) when (e is RawFramingException or SocketException or OperationCanceledException)
            {
                record = record with { Fault = e };
            }

            _records.Enqueue(record);
            if (record.Response is null || record.Response.Headers.HasToken("connection", "close"))
            {
                await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
                client = null;
            }
        }

        await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private static byte[] Request(string id, string method, byte[] body, bool isChunked)
    {
        var head = $"{method} /{id} HTTP/1.1\r\nhost: a\r\n{SteadyTraffic.IdHeader}: {id}\r\n";
        if (method == "GET")
        {
            return Encoding.ASCII.GetBytes(head + "\r\n");
        }

        if (!isChunked)
        {
            return [.. Encoding.ASCII.GetBytes($"{head}content-length: {body.Length}\r\n\r\n"), .. body];
        }

        byte[] chunks = body.Length == 0 ? [] : [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n"u8];
        return [.. Encoding.ASCII.GetBytes($"{head}transfer-encoding: chunked\r\n\r\n"), .. chunks, .. "0\r\n\r\n"u8];
    }
}
