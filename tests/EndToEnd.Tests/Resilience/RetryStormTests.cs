using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Faults;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>
/// Every backend fails while clients ask for retries: the retry budget keeps what the backends get near what the clients ask, and once they are well again,
/// so are the clients.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class RetryStormTests
{
    private const int Backends = 3;

    // A budget is a share of what is under way, retries included: of 100 requests under way, B are retries and 100 - B are not, so that the load is at most
    // 100 / (100 - B) times what is offered: 1.25 for 20 %, 1.19 for 16 %.
    private const double WithTwenty = 1.25;
    private const double WithSixteen = 1.2;

    [Theory]
    [InlineData("503", "budget_percent: { value: 16 }, min_retry_concurrency: 1", WithSixteen)]
    [InlineData("reset", "budget_percent: { value: 16 }, min_retry_concurrency: 1", WithSixteen)]
    [InlineData("503", "budget_percent: { value: 20 }, min_retry_concurrency: 3", WithTwenty)]
    public async Task A_retry_budget_bounds_the_load_on_backends_that_fail_everything(string failure, string budget, double bound)
    {
        var isFailing = false;
        var executed = 0;
        BackendScript script = async connection =>
        {
            while (await connection.ReadHeadAsync() is not null)
            {
                Interlocked.Increment(ref executed);
                await Task.Delay(TimeSpan.FromMilliseconds(20), connection.Stopping);
                if (Volatile.Read(ref isFailing) && failure == "reset")
                {
                    connection.Reset();
                    return;
                }

                await connection.SendAsync(BackendScripts.ResponseText(Volatile.Read(ref isFailing) ? 503 : 200, "", [], withBody: true));
            }
        };
        var backends = Enumerable.Range(0, Backends).Select(_ => ScriptedBackend.Start(script)).ToArray();
        await using var proxy = await StartAsync(budget, [.. backends.Select(static backend => backend.Port)]);
        await using var traffic = FaultTraffic.Start(
            proxy.HttpPort, new FaultTrafficOptions { OnlyReads = true, Clients = 32, Pace = TimeSpan.FromMilliseconds(25), MaxRecords = 1_000_000 });
        await traffic.WaitForMoreAsync(200);

        var (offeredBefore, executedBefore) = (traffic.Count, Volatile.Read(ref executed));
        Volatile.Write(ref isFailing, value: true);
        await FailAsync(traffic);
        var (offered, load) = (traffic.Count - offeredBefore, Volatile.Read(ref executed) - executedBefore);
        Volatile.Write(ref isFailing, value: false);
        var healed = traffic.Elapsed;
        await traffic.WaitForMoreAsync(LongRun.IsAsked ? 4_000 : 400);

        var asked = await traffic.StopAsync();
        var after = asked.Where(record => record.Began >= healed && (!LongRun.IsAsked || record.Began < healed + TimeSpan.FromSeconds(2))).ToArray();
        var recovered = after.Count(static record => record.IsSuccess) / (double)after.Length;
        LongRun.Report($"{failure}, {budget}: {offered} offered, {load} reached the backends ({load / (double)offered:F3} x), {recovered:P1} of {after.Length} well after healing");

        // What is under way at either end belongs to one count and not yet to the other.
        load.Should().BeLessThanOrEqualTo((int)(bound * offered) + 32);
        recovered.Should().BeGreaterThanOrEqualTo(0.95);
        (await proxy.StatAsync("cluster.backend.upstream_rq_retry")).Should().BePositive();
        (await proxy.StatAsync("cluster.backend.upstream_rq_retry_overflow")).Should().BePositive();
        await Task.WhenAll(backends.Select(static backend => backend.DisposeAsync().AsTask()));
    }

    private static async Task FailAsync(FaultTraffic traffic)
    {
        var end = traffic.Elapsed + TimeSpan.FromSeconds(60);
        do
        {
            await traffic.WaitForMoreAsync(2_000);
        }
        while (LongRun.IsAsked && traffic.Elapsed < end);
    }

    private static Task<StaticProxy> StartAsync(string budget, int[] ports) => StaticProxy.StartAsync((_, http, admin) => Bootstraps.Static(
        admin,
        Bootstraps.Listener("http", http, """{ match: { prefix: "/" }, route: { cluster: backend, retry_policy: { retry_on: "5xx,reset,connect-failure", num_retries: 3, retry_back_off: { base_interval: 0.001s } } } }"""),
        Bootstraps.Cluster("backend", ports)[..^1] + $$""", circuit_breakers: { thresholds: [ { retry_budget: { {{budget}} } } ] }, outlier_detection: {} }"""));
}
