using System.Collections.Concurrent;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>
/// Steady requests by mutual TLS from several clients: some keep their connection, the others open one for each request. What clients present and trust may change meanwhile.
/// Nothing is sent twice.
/// </summary>
internal sealed class MutualTraffic : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<(string Id, string? Fault)> _asked = new();
    private readonly int _port;
    private readonly Task _running;

    private MutualTraffic(int port, Identity identity)
    {
        _port = port;
        Identity = identity;
        Roots = identity.Authority;
        _running = Task.WhenAll(Enumerable.Range(0, 6).Select(number => Task.Run(() => AskAsync(number, isKept: number % 2 == 0))));
    }

    /// <summary>What clients present from their next connection on.</summary>
    public Identity Identity { get; set; }

    /// <summary>What clients trust from their next connection on.</summary>
    public string Roots { get; set; }

    /// <summary>Requests so far.</summary>
    public int Count => _asked.Count;

    public static MutualTraffic Start(int port, Identity identity) => new(port, identity);

    /// <summary>Waits for so many more requests.</summary>
    public Task WaitForMoreAsync(int count)
    {
        var goal = _asked.Count + count;
        return Patience.UntilAsync(() => _asked.Count >= goal || _running.IsCompleted, $"{count} more requests");
    }

    /// <summary>Ends the traffic: each request was answered with 200, and reached the backend exactly once.</summary>
    public async Task StopAndBalanceAsync(ScriptedBackend backend)
    {
        await _stopping.CancelAsync();
        await _running;
        _asked.Where(static one => one.Fault is not null).Should().BeEmpty();
        backend.Requests.Select(static request => request.Headers[SteadyTraffic.IdHeader]!).Order().Should().Equal(_asked.Select(static one => one.Id).Order());
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task AskAsync(int number, bool isKept)
    {
        SecureClient? client = null;
        for (var ordinal = 1; !_stopping.IsCancellationRequested; ordinal++)
        {
            var id = $"c{number}-{ordinal}";
            string? fault = null;
            try
            {
                client ??= await SecureClient.ConnectAsync(_port, Roots, Identity.Client);
                var (status, body) = await client.GetAsync($"/{id}", id);
                fault = status == 200 ? null : $"{status} {body}";
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or System.Security.Authentication.AuthenticationException or OperationCanceledException)
            {
                fault = e.ToString();
            }

            _asked.Enqueue((id, fault));
            if (!isKept || fault is not null)
            {
                await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
                client = null;
            }

            await Task.Delay(Pace, CancellationToken.None);
        }

        await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
