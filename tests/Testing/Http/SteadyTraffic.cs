using System.Collections.Concurrent;
using System.Net.Sockets;

namespace KubeProxyNet.Testing.Http;

/// <summary>One request of <see cref="SteadyTraffic"/> and what became of it: a response, or the fault that came instead.</summary>
public sealed record TrafficRecord(string Id, RawResponse? Response, Exception? Fault)
{
    public override string ToString() => $"{Id}: {(Response is null ? Fault?.Message : $"{Response.Status} {Response.BodyText}")}";
}

/// <summary>
/// Clients that ask again and again over kept connections while a test changes something else, with a ledger of every request. Each carries
/// an id of its own in "x-traffic-id", so that a backend's ledger can be held against this one.
/// </summary>
public sealed class SteadyTraffic : IAsyncDisposable
{
    public const string IdHeader = "x-traffic-id";
    private const int MaxRecords = 200_000;

    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<TrafficRecord> _records = new();
    private readonly Task _running;
    private readonly int _port;
    private readonly string _target;
    private readonly string _host;
    private readonly TimeSpan _pace;
    private int _next;

    private SteadyTraffic(int port, string target, string host, int clients, TimeSpan pace)
    {
        (_port, _target, _host, _pace) = (port, target, host, pace);
        _running = Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(AskAsync)));
    }

    /// <summary>What was asked and answered so far.</summary>
    public IReadOnlyList<TrafficRecord> Records => [.. _records];

    /// <summary>Starts clients against a port of 127.0.0.1.</summary>
    /// <param name="pace">Pause of one client between an answer and its next request; 2 ms where null.</param>
    public static SteadyTraffic Start(int port, string target = "/", string host = "localhost", int clients = 4, TimeSpan? pace = null) =>
        new(port, target, host, clients, pace ?? TimeSpan.FromMilliseconds(2));

    /// <summary>Waits until so many more requests have ended, well or not.</summary>
    public Task WaitForMoreAsync(int count)
    {
        var goal = _records.Count + count;
        return Patience.UntilAsync(() => _records.Count >= goal || _running.IsCompleted, $"{count} more requests of the traffic");
    }

    /// <summary>Waits until an answer satisfies the condition; returns it.</summary>
    public async Task<TrafficRecord> WaitForAsync(Func<RawResponse, bool> condition)
    {
        TrafficRecord? found = null;
        await Patience.UntilAsync(
            () => (found = _records.LastOrDefault(r => r.Response is { } response && condition(response))) is not null,
            "an answer of the traffic");
        return found!;
    }

    /// <summary>Lets every client end its request and returns the whole ledger.</summary>
    public async Task<IReadOnlyList<TrafficRecord>> StopAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        return Records;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task AskAsync()
    {
        RawHttpClient? client = null;
        while (!_stopping.IsCancellationRequested && _records.Count < MaxRecords)
        {
            var id = $"t{Interlocked.Increment(ref _next)}";
            try
            {
                client ??= await RawHttpClient.ConnectAsync(_port);
                await client.SendAsync($"GET {_target} HTTP/1.1\r\nhost: {_host}\r\n{IdHeader}: {id}\r\n\r\n");
                var response = await client.ReadResponseAsync();
                _records.Enqueue(new TrafficRecord(id, response, Fault: null));
                if (response.Headers.HasToken("connection", "close"))
                {
                    await client.DisposeAsync();
                    client = null;
                }
            }
            catch (Exception e) when (e is RawFramingException or SocketException or OperationCanceledException)
            {
                _records.Enqueue(new TrafficRecord(id, Response: null, e));
                await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
                client = null;
            }

            await Task.Delay(_pace, CancellationToken.None);
        }

        await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
