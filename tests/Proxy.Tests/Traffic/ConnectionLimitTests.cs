using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tests.RuntimeLayers;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Limits on connections: of a source on a listener and on all of them, and those that Envoy's runtime sets.</summary>
public sealed class ConnectionLimitTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    private static readonly IPAddress Neighbour = IPAddress.Parse("127.0.0.2");

    [Theory]
    [InlineData(false, "downstream_cx_source_overflow")]
    [InlineData(true, "downstream_global_cx_source_overflow")]
    public async Task A_source_has_no_more_connections_than_it_may_and_others_are_served(bool isOfProcess, string stat)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = Start(backend.Port, isOfProcess);
        await using var first = await ServedAsync(proxy);
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);

        (await second.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.{stat}").Should().Be(1);
        await using (await ServedAsync(proxy, Neighbour))
        {
            await first.SendAsync(Get);
            (await first.ReadResponseAsync()).Status.Should().Be(200);
        }

        await first.DisposeAsync();
        await proxy.WaitForNoConnectionsAsync();
        await using var again = await ServedAsync(proxy);
        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.{stat}").Should().Be(1);
    }

    [Fact]
    public async Task The_place_follows_a_connection_through_inspection_and_to_http_2()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = Start(backend.Port, isOfProcess: false, listener => listener with { ListenerFilters = [new HttpInspectorConfig()] });

        for (var i = 0; i < 3; i++)
        {
            await using (var client = await RawHttp2Client.ConnectAsync(proxy.Port))
            {
                (await client.GetAsync()).Status.Should().Be(200);
                await using var other = await RawHttpClient.ConnectAsync(proxy.Port);
                (await other.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
            }

            await proxy.WaitForNoConnectionsAsync();
            await using (await ServedAsync(proxy))
            {
            }

            await proxy.WaitForNoConnectionsAsync();
        }

        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.downstream_cx_source_overflow").Should().Be(3);
    }

    [Fact]
    public async Task A_listener_that_ignores_the_limits_of_the_process_ignores_that_of_sources()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = Start(backend.Port, isOfProcess: true, listener => listener with { IgnoresGlobalConnectionLimit = true });

        await using var first = await ServedAsync(proxy);
        await using var second = await ServedAsync(proxy);
    }

    [Fact]
    public async Task An_update_changes_the_limit_for_connections_to_come()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = Start(backend.Port, isOfProcess: false);
        await using var first = await ServedAsync(proxy);

        Update(proxy, new SourceConnectionLimit(2));
        await using var second = await ServedAsync(proxy);
        Update(proxy, null);
        await using var third = await ServedAsync(proxy);

        // What was counted elsewhere has no place here, and gives none back here.
        Update(proxy, new SourceConnectionLimit(1));
        await using var fourth = await ServedAsync(proxy);
        await first.DisposeAsync();
        await second.DisposeAsync();
        await third.DisposeAsync();
        await Patience.UntilAsync(() => proxy.Engine.ConnectionCount == 1, "the end of those that were counted elsewhere");
        await using var fifth = await RawHttpClient.ConnectAsync(proxy.Port);
        (await fifth.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Theory]
    [InlineData("envoy.resource_limits.listener.test.connection_limit", "downstream_cx_overflow")]
    [InlineData("overload.global_downstream_max_connections", "downstream_global_cx_overflow")]
    public async Task Envoys_runtime_bounds_the_connections_of_a_listener_and_of_all(string key, string stat)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var first = await ServedAsync(proxy);

        proxy.Engine.Apply(RuntimeLayerOf.Values((key, "1"), ("envoy.resource_limits.listener.another.connection_limit", "0")));
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);
        (await second.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.{stat}").Should().Be(1);

        proxy.Engine.Apply(RuntimeLayerOf.Values((key, "0")));
        await using var third = await RawHttpClient.ConnectAsync(proxy.Port);
        (await third.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly, "0 lets nobody in, as in Envoy");

        proxy.Engine.Apply(RuntimeValues.Empty);
        await using var fourth = await ServedAsync(proxy);
    }

    [Fact]
    public async Task A_resource_monitor_goes_before_the_runtime()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)], overload: new OverloadConfig { MaxDownstreamConnections = 2, FollowsRuntime = false });
        proxy.Engine.Apply(RuntimeLayerOf.Values(("overload.global_downstream_max_connections", "1")));

        await using var first = await ServedAsync(proxy);
        await using var second = await ServedAsync(proxy);
    }

    private static RunningProxy Start(int port, bool isOfProcess, Func<ListenerConfig, ListenerConfig>? listener = null) => RunningProxy.Start(
        RunningProxy.Everything("backend"),
        [RunningProxy.Cluster("backend", port)],
        listener: config =>
        {
            config = config with { SourceConnections = isOfProcess ? null : new SourceConnectionLimit(1) };
            return listener?.Invoke(config) ?? config;
        },
        overload: new OverloadConfig { SourceConnections = isOfProcess ? new SourceConnectionLimit(1) : null });

    private static async Task<RawHttpClient> ServedAsync(RunningProxy proxy, IPAddress? from = null)
    {
        var client = await RawHttpClient.ConnectAsync(proxy.Port, from: from);
        await client.SendAsync(Get);
        (await client.ReadResponseAsync()).Status.Should().Be(200);
        return client;
    }

    private static void Update(RunningProxy proxy, SourceConnectionLimit? limit) =>
        proxy.Engine.Apply(new KubeProxyNet.Proxy.Listeners.ConfigurationChange
        {
            Listeners = [proxy.Listener with { SourceConnections = limit, Address = proxy.Listener.Address }],
        }).Should().BeEmpty();
}
