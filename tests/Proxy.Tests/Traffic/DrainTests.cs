using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The proxy goes away, or one of its listeners: what runs ends well, what is idle ends soon.</summary>
public sealed class DrainTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);

    [Fact]
    public async Task A_running_request_ends_with_its_answer_and_closes_its_connection()
    {
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(go, 200, "done"));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await backend.WaitForRequestsAsync(1);

        var draining = proxy.Engine.DrainAsync(Patience.Limit, Short, TimeProvider.System);
        await Patience.UntilAsync(() => IsRefusedAsync(proxy.Port), "the end of listening");
        go.Set();

        var response = await client.ReadResponseAsync();
        response.BodyText.Should().Be("done");
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await draining).Should().BeTrue();
        proxy.ExpectsNoConnections = false;
    }

    [Fact]
    public async Task An_idle_connection_is_closed_after_the_grace()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var idle = await RawHttpClient.ConnectAsync(proxy.Port);
        await idle.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await idle.ReadResponseAsync();

        (await proxy.Engine.DrainAsync(Patience.Limit, Short, TimeProvider.System)).Should().BeTrue();

        (await idle.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_connection_whose_answer_had_begun_is_closed_once_it_is_idle()
    {
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ");
            await go.WaitAsync(connection.Stopping);
            await connection.SendAsync("whole");
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadHeadAsync()).Headers.Contains("connection").Should().BeFalse();

        var draining = proxy.Engine.DrainAsync(Patience.Limit, Short, TimeProvider.System);
        await Patience.UntilAsync(() => IsRefusedAsync(proxy.Port), "the end of listening");
        await proxy.Engine.RentedBlocksAsync();
        go.Set();

        (await client.ReadBytesAsync(10)).Should().Equal("half whole"u8.ToArray());
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await draining).Should().BeTrue();
    }

    [Fact]
    public async Task The_limit_ends_the_wait()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await backend.WaitForRequestsAsync(1);

        (await proxy.Engine.DrainAsync(Short, Short, TimeProvider.System)).Should().BeFalse();
    }

    [Fact]
    public async Task A_removed_listener_lets_its_running_request_end_and_then_closes()
    {
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(go, 200, "done"));
        await using var proxy = RunningProxy.To(backend.Port);
        var port = proxy.Port;
        await using var busy = await RawHttpClient.ConnectAsync(port);
        await using var idle = await RawHttpClient.ConnectAsync(port);
        await busy.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await backend.WaitForRequestsAsync(1);

        proxy.Engine.Apply(new ConfigurationChange { Listeners = [] }).Should().BeEmpty();

        (await idle.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        go.Set();
        var response = await busy.ReadResponseAsync();
        response.BodyText.Should().Be("done");
        response.Headers["connection"].Should().Be("close");
        (await busy.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await IsRefusedAsync(port)).Should().BeTrue();
    }

    private static async Task<bool> IsRefusedAsync(int port)
    {
        try
        {
            await using var client = await RawHttpClient.ConnectAsync(port);
            return false;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return true;
        }
    }
}
