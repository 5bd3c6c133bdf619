using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Many hedged exchanges at once, by ledger: every client gets its own answer once, and nothing stays behind.</summary>
public sealed class HedgingLedgerTests
{
    private const string Cluster = "cluster.backend.";
    private const string Breaker = Cluster + "circuit_breakers.default.";
    private const int Clients = 24;
    private const int RequestsEach = 25;

    [Fact]
    public async Task Every_client_gets_its_own_answer_once_and_nothing_stays_behind()
    {
        var random = new Random(7);
        var gate = new Lock();
        int Next(int below)
        {
            lock (gate)
            {
                return random.Next(below);
            }
        }

        var script = BackendScripts.EachRequest(async (connection, request) =>
        {
            switch (Next(12))
            {
                case 0:
                    connection.Reset();
                    return;
                case 1:
                    await connection.SendAsync("HTTP/1.1 503 Not Now\r\ncontent-length: 2\r\n\r\nno");
                    return;
                case < 6:
                    await Task.Delay(Next(60), connection.Stopping);
                    break;
            }

            // Head and body in pieces, so that two answers could get mixed if anything let them.
            var body = $"{request.Target}|{request.BodyText}|";
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {body.Length + 20_000}\r\n\r\n{body}");
            await connection.SendAsync(new string('x', 20_000));
        });
        await using var one = ScriptedBackend.Start(script);
        await using var two = ScriptedBackend.Start(script);
        var policy = new RetryPolicy { RetryOn = RetryOn.ServerError, NumRetries = 4, PerTryTimeout = TimeSpan.FromMilliseconds(20), BackOffBase = TimeSpan.FromMilliseconds(2) };
        var cluster = RunningProxy.Cluster("backend", one.Port, two.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxRetries = 1000, TrackRemaining = true } } };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { RetryPolicy = policy, HedgesOnPerTryTimeout = true }), [cluster], workers: 2);

        var leavers = 0;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async number =>
        {
            var client = await RawHttpClient.ConnectAsync(proxy.Port);
            try
            {
                for (var i = 0; i < RequestsEach; i++)
                {
                    var target = string.Create(CultureInfo.InvariantCulture, $"/{number}/{i}");
                    var sent = Next(2) == 0 ? "" : $"body of {target}";
                    await client.SendAsync($"POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: {sent.Length}\r\n\r\n");
                    await client.SendAsync(sent);
                    if (Next(20) == 0)
                    {
                        Interlocked.Increment(ref leavers);
                        client.Reset();
                        await client.DisposeAsync();
                        client = await RawHttpClient.ConnectAsync(proxy.Port);
                        continue;
                    }

                    var response = await client.ReadResponseAsync();
                    if (response.Status == 200)
                    {
                        response.BodyText.TrimEnd('x').Should().Be($"{target}|{sent}|");
                    }
                    else
                    {
                        response.Status.Should().Be(503, "what all attempts failed with is answered once");
                    }
                }
            }
            finally
            {
                await client.DisposeAsync();
            }
        }));

        proxy.Stat(Cluster + "upstream_rq_tx_reset").Should().BePositive("some exchanges had a slower attempt that was given up");
        leavers.Should().BePositive();
        await Patience.UntilAsync(
            () => Task.FromResult(
                proxy.Stat(Cluster + "upstream_rq_active") == 0 && proxy.Stat(Cluster + "upstream_rq_pending_active") == 0
                && proxy.Stat(Breaker + "remaining_rq") == 1024 && proxy.Stat(Breaker + "remaining_pending") == 1024 && proxy.Stat(Breaker + "remaining_retries") == 1000
                && proxy.Stat(Breaker + "remaining_cx") + proxy.Stat(Cluster + "upstream_cx_active") == 1024),
            "the end of all attempts");
        (await proxy.LogLinesAsync(Clients * RequestsEach)).Should().HaveCount(Clients * RequestsEach, "each exchange ends once");
    }
}
