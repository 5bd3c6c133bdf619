using System.Diagnostics;

namespace KubeProxyNet.Load.Update;

/// <summary>Clients that ask without a pause over kept connections, and tell when an answer first came from a backend.</summary>
internal sealed class AskingClients : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(10) };
    private long _requests;
    private long _failures;
    private volatile Awaited? _awaited;

    public AskingClients(int port, string host, int clients)
    {
        var address = new Uri($"http://127.0.0.1:{port}/");
        _running = Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(() => AskAsync(address, host))));
    }

    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Requests without an answer of status 200.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>The timestamp at which an answer with this name had been read; begins to look now.</summary>
    public Task<long> FirstAnswerOf(string name)
    {
        var awaited = new Awaited(name);
        _awaited = awaited;
        return awaited.Seen.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _client.Dispose();
        _stopping.Dispose();
    }

    private async Task AskAsync(Uri address, string host)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, address);
                request.Headers.Host = host;
                using var response = await _client.SendAsync(request, CancellationToken.None);
                var body = await response.Content.ReadAsStringAsync(CancellationToken.None);
                if (_awaited is { } awaited && awaited.Name == body)
                {
                    awaited.Seen.TrySetResult(Stopwatch.GetTimestamp());
                }

                Interlocked.Add(ref _failures, response.IsSuccessStatusCode ? 0 : 1);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                Interlocked.Increment(ref _failures);
            }

            Interlocked.Increment(ref _requests);
        }
    }

    private sealed record Awaited(string Name)
    {
        public TaskCompletionSource<long> Seen { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
