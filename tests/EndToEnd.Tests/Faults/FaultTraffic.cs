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
    /// <summary>When it began, since the traffic did.</summary>
    public TimeSpan Began { get; init; }

    /// <summary>When its answer was there, or when it had failed.</summary>
    public TimeSpan Ended { get; init; }

    /// <summary>A whole response with a 2xx status.</summary>
    public bool IsSuccess => Response is { Status: >= 200 and < 300 };

    public override string ToString() => $"{Id} {Method}: {(Response is null ? Fault?.Message : $"{Response.Status} {Response.BodyText}")}";
}

/// <summary>How much <see cref="FaultTraffic"/> asks.</summary>
internal sealed record FaultTrafficOptions
{
    public int Clients { get; init; } = 8;

    /// <summary>Time from the beginning of one request of a client to that of its next at least; zero for no pause.</summary>
    public TimeSpan Pace { get; init; }

    /// <summary>Longest body of a POST in bytes, exclusive.</summary>
    public int MaxBody { get; init; } = 40_000;

    /// <summary>True for nothing but GET.</summary>
    public bool OnlyReads { get; init; }

    /// <summary>The traffic ends by itself after so many requests.</summary>
    public int MaxRecords { get; init; } = 50_000;

    /// <summary>The host that is asked for.</summary>
    public string Host { get; init; } = "a";
}

/// <summary>Clients that ask over kept connections: a GET, a POST with a length, a POST in chunks, and again. Each keeps a ledger.</summary>
internal sealed class FaultTraffic : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<FaultRecord> _records = new();
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private readonly int _port;
    private readonly FaultTrafficOptions _options;
    private readonly Task _running;
    private volatile bool _isLifted;

    private FaultTraffic(int port, FaultTrafficOptions options)
    {
        _port = port;
        _options = options;
        _running = Task.WhenAll(Enumerable.Range(0, options.Clients).Select(client => Task.Run(() => AskAsync(client))));
    }

    /// <summary>Time since it began.</summary>
    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_start);

    /// <summary>Requests that have ended.</summary>
    public int Count => _records.Count;

    public static FaultTraffic Start(int port, int clients = 8) => Start(port, new FaultTrafficOptions { Clients = clients });

    public static FaultTraffic Start(int port, FaultTrafficOptions options) => new(port, options);

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
        for (var ordinal = 1; !_stopping.IsCancellationRequested && _records.Count < _options.MaxRecords; ordinal++)
        {
            var method = _options.OnlyReads || ordinal % 3 == 1 ? "GET" : "POST";
            var body = method == "GET" ? [] : new byte[random.Next(_options.MaxBody)];
            random.NextBytes(body);
            var id = $"c{number}-{ordinal}";
            var record = new FaultRecord(id, number, ordinal, method, FaultyBackend.AnswerTo(id, body), _isLifted, null, null) { Began = Elapsed };
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

            _records.Enqueue(record = record with { Ended = Elapsed });
            if (record.Response is null || record.Response.Headers.HasToken("connection", "close"))
            {
                await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
                client = null;
            }

            if (record.Began + _options.Pace - Elapsed is { Ticks: > 0 } pause)
            {
                await Task.Delay(pause, CancellationToken.None);
            }
        }

        await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private byte[] Request(string id, string method, byte[] body, bool isChunked)
    {
        var head = $"{method} /{id} HTTP/1.1\r\nhost: {_options.Host}\r\n{SteadyTraffic.IdHeader}: {id}\r\n";
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
