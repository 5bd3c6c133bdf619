using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>The four attacks of slowhttptest(1), with 200 connections each, while a well-behaved client asks all the time.</summary>
[Collection(AloneCollection.Name)]
public sealed class SlowHttpTestTests
{
    private const string Deadlines = "request_headers_timeout: 2s, request_timeout: 3s, stream_idle_timeout: 3s, common_http_protocol_options: { max_stream_duration: 4s, idle_timeout: 3s }, ";
    private const int Attackers = 200;

    // The well-behaved clients and the attacker's own probe.
    private const int Others = 3;

    // A client that takes nothing has what is queued before its upstream is no longer read, and one read more: twice 256 KiB.
    private const long MemoryBound = (Attackers * 2 * 256 * 1024) + 32_000_000;
    private static readonly string Large = new('x', 2_000_000);

    [Theory]
    [InlineData("slow heads", "-H -i 1 -x 10")]
    [InlineData("slow bodies", "-B -i 1 -s 8192 -x 10 -t POST")]
    [InlineData("slow reading", "-X -w 10 -y 20 -n 1 -z 5 -k 3")]
    [InlineData("range headers", "-R -a 10 -b 3000 -t HEAD")]
    public async Task An_attack_is_ended_by_the_deadlines_and_no_other_client_notices(string attack, string arguments)
    {
        var tool = Requires.Tool("slowhttptest");
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) => connection.SendAsync(
            FaultyBackend.ResponseOf(request.Headers[SteadyTraffic.IdHeader] is { } id ? FaultyBackend.AnswerTo(id, request.Body) : Large))));
        await using var proxy = await FaultProxy.StartAsync(backend.Port, http: Deadlines);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort, clients: 2);
        await traffic.WaitForMoreAsync(100);
        var before = proxy.ResidentBytes();
        var most = before;

        await using var attacker = ChildProcess.Start(
            tool, [.. arguments.Split(' '), "-c", $"{Attackers}", "-r", "200", "-l", "60", "-p", "3", "-u", $"http://127.0.0.1:{proxy.HttpPort}/"]);
        await Patience.UntilAsync(async () => await proxy.StatAsync(@"http\.http\.downstream_cx_total") >= Attackers || attacker.HasExited, "the attack");
        await Patience.UntilAsync(
            async () =>
            {
                await traffic.WaitForMoreAsync(10);
                most = Math.Max(most, proxy.ResidentBytes());
                return attacker.HasExited || await proxy.StatAsync(@"http\.http\.downstream_cx_active") <= Others;
            },
            $"the end of {attack} by the proxy's deadlines");
        attacker.Output.Should().NotContain("Hit test time limit", "the attacker has not given up by itself");

        (await traffic.StopAsync()).Should().OnlyContain(static record => record.IsSuccess && record.Response!.BodyText == record.Expected);
        (most - before).Should().BeLessThan(MemoryBound);
    }
}
