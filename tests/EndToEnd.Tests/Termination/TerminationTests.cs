using System.Net.Sockets;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Termination;

/// <summary>SIGTERM: nothing new is accepted, what runs ends well, within a bound.</summary>
public sealed class TerminationTests
{
    private const string Request = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    [Fact]
    public async Task A_running_request_is_answered_with_connection_close_while_new_connections_are_refused()
    {
        var answer = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(answer, 200, "late but whole"));
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 60, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        await client.SendAsync(Request);
        await backend.WaitForRequestsAsync(1);

        proxy.Process.Signal(ProcessSignal.Terminate);
        await proxy.Process.WaitForLineAsync("draining");
        await UntilRefusedAsync(proxy.HttpPort);
        proxy.Process.HasExited.Should().BeFalse();
        answer.Set();
        var response = await client.ReadResponseAsync();

        response.BodyText.Should().Be("late but whole");
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.Process.WaitForExitAsync()).Should().Be(0);
    }

    [Fact]
    public async Task A_hangup_ends_nothing_and_is_told_what_does_its_work()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "still here"));
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 60, backend.Port);

        proxy.Process.Signal(ProcessSignal.Hangup);
        await proxy.Process.WaitForLineAsync("kpn: SIGHUP changes nothing");

        (await proxy.GetAsync()).BodyText.Should().Be("still here");
        (await proxy.Process.TerminateAsync()).Should().Be(0);
    }

    [Fact]
    public async Task The_drain_time_bounds_a_request_that_never_ends()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 1, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        await client.SendAsync(Request);
        await backend.WaitForRequestsAsync(1);

        (await proxy.Process.TerminateAsync()).Should().Be(0);

        proxy.Process.Error.Should().Contain("the drain time is over; 1 connections are cut");
    }

    [Fact]
    public async Task Idle_kept_connections_do_not_hold_the_end()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 600, backend.Port);
        await using var idle = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        await idle.SendAsync(Request);
        await idle.ReadResponseAsync();
        await using var silent = await RawHttpClient.ConnectAsync(proxy.HttpPort);

        (await proxy.Process.TerminateAsync()).Should().Be(0);

        (await idle.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await silent.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        proxy.Process.Error.Should().NotContain("are cut");
    }

    [Fact]
    public async Task Load_that_goes_on_sees_refused_connections_and_no_failed_request()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 20, backend.Port);
        await using var traffic = SteadyTraffic.Start(proxy.HttpPort, clients: 8);
        await traffic.WaitForMoreAsync(100);

        (await proxy.Process.TerminateAsync()).Should().Be(0);
        var records = await traffic.StopAsync();

        records.Where(static record => record.Fault is not SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            .Should().OnlyContain(static record => record.Response != null && record.Response.Status == 200);
        backend.Requests.Should().HaveCount(records.Count(static record => record.Response is not null));
    }

    [Fact]
    public async Task A_body_that_is_under_way_is_delivered_whole()
    {
        var more = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
            await more.WaitAsync(connection.Stopping);
            await connection.SendAsync("world");
        }));
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 60, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        await client.SendAsync(Request);
        await client.ReadHeadAsync();

        proxy.Process.Signal(ProcessSignal.Terminate);
        await UntilRefusedAsync(proxy.HttpPort);
        more.Set();

        (await client.ReadBytesAsync(10)).Should().Equal("helloworld"u8.ToArray());
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.Process.WaitForExitAsync()).Should().Be(0);
    }

    [Fact]
    public async Task A_second_signal_ends_the_process_at_once()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 600, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        await client.SendAsync(Request);
        await backend.WaitForRequestsAsync(1);

        proxy.Process.Signal(ProcessSignal.Terminate);
        await proxy.Process.WaitForLineAsync("draining");

        (await proxy.Process.TerminateAsync()).Should().Be(128 + 15);
    }

    [Fact]
    public async Task Run_ends_with_status_0_and_takes_both_planes_along()
    {
        using var folder = new TempFolder();
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        folder.Write("web.yaml", Manifests.Application("web", "web.test", backend.Port));
        var (http, admin) = (FreePort.Take(), FreePort.Take());
        await using var run = ChildProcess.StartKpn(
            "run", "--manifests", folder.Path, "--http-address", "127.0.0.1", "--http-port", $"{http}", "--admin-port", $"{admin}", "--drain-time-s", "5");
        await run.WaitForHttpAsync(admin);
        (await RawHttpClient.GetAsync(http, host: "web.test")).Status.Should().Be(200);

        (await run.TerminateAsync()).Should().Be(0);
    }

    private static Task UntilRefusedAsync(int port) => Patience.UntilAsync(
        async () =>
        {
            try
            {
                await using var probe = await RawHttpClient.ConnectAsync(port);
                return false;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                return true;
            }
        },
        "a refused connection");
}
