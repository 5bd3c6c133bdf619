using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Checks by TCP against servers that misbehave on command (Envoy documentation, "L3/L4 health checking").</summary>
public sealed class TcpHealthCheckTests
{
    private const HostHealthFlags Failed = HostHealthFlags.FailedActiveHealthCheck;

    private static readonly HealthCheckConfig Ping = CheckedCluster.Checks(new TcpHealthCheck { Send = Bytes("PING"), Receive = new([Bytes("PO"), Bytes("NG")]) });

    [Fact]
    public async Task Where_nothing_is_expected_it_is_enough_to_be_connected()
    {
        await using var silent = ScriptedBackend.Start(static connection => Task.Delay(Timeout.Infinite, connection.Stopping));
        using var dead = DeadPort.Refusing();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Checks(new TcpHealthCheck { Send = Bytes("PING") }), silent.Port, dead.Port);

        await proxy.UntilAsync(silent.Port, HostHealthFlags.None);
        await silent.WaitForConnectionAsync(3);
        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "refusals");

        proxy.FlagsOf(dead.Port).Should().Be(Failed);
        silent.Connections.Should().OnlyContain(static connection => connection.Received.Length == 0, "each is closed as soon as it stands");
    }

    [Fact]
    public async Task An_address_that_swallows_everything_times_out()
    {
        using var silent = await DeadPort.SilentAsync();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Checks(new TcpHealthCheck()) with { Timeout = TimeSpan.FromMilliseconds(30) }, silent.Port);
        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "timeouts");
        proxy.FlagsOf(silent.Port).Should().Be(Failed | HostHealthFlags.ActiveHealthCheckTimeout);
    }

    [Fact]
    public async Task What_is_expected_may_come_in_pieces_and_one_connection_serves_many_checks()
    {
        await using var backend = ScriptedBackend.Start(Answering("..P", "Oxx", "N", "G.."));
        await using var proxy = CheckedCluster.Start(Ping, backend.Port);

        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await Patience.UntilAsync(() => proxy.CheckStat("success") > 3, "checks");

        backend.Connections.Count.Should().Be(1);
        proxy.CheckStat("failure").Should().Be(0);
    }

    [Fact]
    public async Task Without_reuse_each_check_has_a_connection_of_its_own()
    {
        await using var backend = ScriptedBackend.Start(Answering("PONG"));
        await using var proxy = CheckedCluster.Start(Ping with { ReuseConnection = false }, backend.Port);

        var fourth = await backend.WaitForConnectionAsync(4);
        await fourth.Ended.WaitAsync(TestContext.Current.CancellationToken);

        proxy.CheckStat("failure").Should().Be(0);
    }

    [Theory]
    [InlineData("NGPO")]
    [InlineData("")]
    public async Task What_does_not_come_in_time_is_a_failure(string answer)
    {
        await using var backend = ScriptedBackend.Start(Answering(answer));
        await using var proxy = CheckedCluster.Start(Ping with { Timeout = TimeSpan.FromMilliseconds(30) }, backend.Port);
        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "timeouts");
        proxy.FlagsOf(backend.Port).Should().Be(Failed | HostHealthFlags.ActiveHealthCheckTimeout);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_that_ends_before_the_answer_is_a_failure(bool resets)
    {
        await using var backend = ScriptedBackend.Start(resets ? BackendScripts.ResetOnAccept() : BackendScripts.CloseOnAccept());
        await using var proxy = CheckedCluster.Start(Ping, backend.Port);
        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "failures");
        proxy.FlagsOf(backend.Port).Should().Be(Failed);
    }

    [Fact]
    public async Task A_kept_connection_that_ends_between_two_checks_counts_as_a_failure()
    {
        await using var backend = ScriptedBackend.Start(async static connection =>
        {
            await connection.Socket.ReceiveAsync(new byte[4], connection.Stopping);
            await connection.SendAsync("PONG");
        });
        await using var proxy = CheckedCluster.Start(Ping with { UnhealthyThreshold = 1000 }, backend.Port);
        await Patience.UntilAsync(() => proxy.CheckStat("success") > 2, "checks");
        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "losses");
    }

    /// <summary>Sends these texts, each in a segment of its own, for every four bytes that come.</summary>
    private static BackendScript Answering(params string[] pieces) => async connection =>
    {
        var buffer = new byte[4];
        while (await connection.Socket.ReceiveAsync(buffer, connection.Stopping) > 0)
        {
            foreach (var piece in pieces.Where(static piece => piece.Length > 0))
            {
                await connection.SendAsync(piece);
            }
        }
    };

    private static Payload Bytes(string text) => new(Encoding.ASCII.GetBytes(text));
}
