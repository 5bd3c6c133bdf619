using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>The four attacks of slowhttptest(1), with 200 connections each, while a well-behaved client asks all the time.</summary>
public sealed class SlowHttpTestTests
{
    private const string Deadlines = "request_headers_timeout: 2s, request_timeout: 3s, stream_idle_timeout: 3s, common_http_protocol_options: { max_stream_duration: 4s, idle_timeout: 3s }, ";
    private const long MemoryBound = 64_000_000;
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
            tool, [.. arguments.Split(' '), "-c", "200", "-r", "200", "-l", "15", "-p", "3", "-u", $"http://127.0.0.1:{proxy.HttpPort}/"]);
        while (!attacker.HasExited)
        {
            await Task.WhenAny(attacker.Exited, traffic.WaitForMoreAsync(20));
            most = Math.Max(most, proxy.ResidentBytes());
        }

        attacker.Output.Should().Contain("No open connections left", $"all of {attack} are ended before the attacker gives up");
        (await traffic.StopAsync()).Should().OnlyContain(static record => record.IsSuccess && record.Response!.BodyText == record.Expected);
        (most - before).Should().BeLessThan(MemoryBound);
        await Patience.UntilAsync(async () => await proxy.StatAsync(@"http\.http\.downstream_cx_active") == 0, "the end of every connection");
    }
}
