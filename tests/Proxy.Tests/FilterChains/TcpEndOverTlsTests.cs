using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Tls;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>The end of connections that are passed on as bytes, with TLS on both sides: it is announced where the endpoint announced it, and only there.</summary>
public sealed class TcpEndOverTlsTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_end_is_announced_where_it_was(bool announces)
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            // What a client sends to a connection that is closed already would reset it.
            await connection.ReadRequestAsync();
            await connection.SendAsync("last words");
            connection.ShutdownSend();
            await connection.ReadTextToEndAsync();
        });
        await using var front = TlsFront.Start(backend.Port, _root.Issue(null, "localhost"), announcesEnd: announces);
        await using var proxy = await StartAsync(front.Port);

        // It sees an end that was not announced as an error.
        var output = await OpenSslClient.GetAsync(proxy.Port);

        output.Should().Contain("last words");
        output.Contains("unexpected eof", StringComparison.Ordinal).Should().Be(!announces);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(3_000_000)]
    public async Task Both_ends_are_announced_behind_what_fills_the_sockets(int size)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            // Both sides send before either reads.
            await connection.SendAsync(new byte[size]);
            connection.ShutdownSend();
            (await connection.ReadTextToEndAsync()).Length.Should().Be(size);
        });
        await using var front = TlsFront.Start(backend.Port, _root.Issue(null, "localhost"));
        await using var proxy = await StartAsync(front.Port);
        await using var client = await proxy.ConnectAsync();
        var sending = Task.Run(async () =>
        {
            await client.SendAsync(new byte[size]);
            await client.AnnounceEndAsync();
        });

        (await client.ReadBytesAsync(size)).Length.Should().Be(size);
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        await sending;
        await backend.Connections[0].Ended.WaitAsync();
    }

    private Task<TlsProxy> StartAsync(int port) => TlsProxy.StartYamlAsync($$"""
        admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
        static_resources:
          listeners:
          - name: tls
            address: {socket_address: {address: 127.0.0.1, port_value: 0} }
            filter_chains:
            - transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, {{TlsText.TlsContext(_root.Issue(null, "localhost")).ReplaceLineEndings(" ")}} } }
              filters: [{name: tcp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: backend} }]
          clusters: [ {{Cluster("backend", Common(Trust(_root.Pem)), "", port)}} ]
        """);
}
