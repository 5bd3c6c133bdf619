using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>CONNECT (RFC 9113 section 8.5) and extended CONNECT (RFC 8441), from any version of HTTP to any.</summary>
public sealed class Http2TunnelTests
{
    private static readonly RawHeader[] WebSocket =
    [
        new(":method", "CONNECT"), new(":protocol", "websocket"), new(":scheme", "http"), new(":path", "/chat"), new(":authority", "a"), new("sec-websocket-version", "13"),
    ];

    private static readonly RawHeader[] Connect = [new(":method", "CONNECT"), new(":authority", "example.com:443")];

    private static readonly Http2BackendOptions Extended = new() { Settings = [new Http2Setting(Http2SettingId.EnableConnectProtocol, 1)] };

    /// <summary>Agrees, echoes, and ends with the client.</summary>
    private static readonly Http2Script EchoTunnel = static async stream =>
    {
        await stream.SendHeadAsync(200);
        while (await stream.ReadAsync() is { IsEmpty: false } piece)
        {
            await stream.SendDataAsync(piece);
        }

        await stream.SendDataAsync("bye", endStream: true);
    };

    [Fact]
    public async Task WebSocket_by_HTTP_2_reaches_a_backend_of_HTTP_1_1_with_a_key_whose_proof_is_checked()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            var request = await connection.ReadRequestAsync();
            await connection.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-kept: 1\r\nsec-websocket-accept: {AcceptOf(request!.Headers["sec-websocket-key"]!)}\r\n\r\n");
            var text = await connection.ReadTextAsync(5);
            await connection.SendAsync($"got {text}");
            await connection.ReadTextToEndAsync();
        });
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http1);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        client.PeerSettings[Http2SettingId.EnableConnectProtocol].Should().Be(1);

        var stream = await client.OpenAsync(WebSocket, endStream: false);
        var head = (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields;
        await client.SendBodyAsync(stream, "hello"u8.ToArray(), endStream: false);

        head[":status"].Should().Be("200");
        head["x-kept"].Should().Be("1");
        head.Contains("sec-websocket-accept").Should().BeFalse();
        head.Contains("upgrade").Should().BeFalse();
        (await TextAsync(client, stream, 9)).Should().Be("got hello");
        await client.SendBodyAsync(stream, default, endStream: true);
        await EndAsync(client, stream);
        var sent = backend.Requests[0];
        (sent.Method, sent.Target, sent.Headers["upgrade"], sent.Headers["connection"], sent.Headers["sec-websocket-version"]).Should().Be(("GET", "/chat", "websocket", "upgrade", "13"));
        Convert.FromBase64String(sent.Headers["sec-websocket-key"]!).Should().HaveCount(16);
    }

    [Fact]
    public async Task A_proof_that_is_wrong_is_no_agreement()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n");
            await connection.ReadTextToEndAsync();
        });
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http1);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        (await client.ReadResponseAsync(await client.OpenAsync(WebSocket, endStream: false))).Status.Should().Be(502);
    }

    [Fact]
    public async Task An_upgrade_that_is_refused_is_an_ordinary_answer()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(403, "no"));
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http1);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var response = await client.ReadResponseAsync(await client.OpenAsync(WebSocket, endStream: false));

        (response.Status, response.BodyText).Should().Be((403, "no"));
    }

    [Fact]
    public async Task WebSocket_by_HTTP_1_1_reaches_a_backend_of_HTTP_2_and_gets_the_proof_that_it_demands()
    {
        await using var backend = ScriptedHttp2Backend.Start(EchoTunnel, Extended);
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");

        var head = await client.ReadHeadAsync();
        (head.Status, head.Headers["upgrade"], head.Headers["connection"]).Should().Be((101, "websocket", "upgrade"));
        head.Headers["sec-websocket-accept"].Should().Be("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455 section 1.3");
        await client.SendAsync("hello");
        Encoding.Latin1.GetString(await client.ReadBytesAsync(5)).Should().Be("hello");
        client.ShutdownSend();
        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("bye");
        var sent = backend.Connections[0].Streams[1].Fields;
        (sent[":method"], sent[":protocol"], sent[":path"], sent[":authority"], sent[":scheme"]).Should().Be(("CONNECT", "websocket", "/chat", "a", "http"));
    }

    [Fact]
    public async Task A_backend_that_does_not_serve_extended_CONNECT_is_not_asked()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n");

        response.Status.Should().Be(502);
        backend.Connections[0].Streams.Should().BeEmpty();
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        backend.Connections.Should().ContainSingle("nothing is wrong with the connection");
    }

    [Fact]
    public async Task WebSocket_passes_from_HTTP_2_to_HTTP_2()
    {
        await using var backend = ScriptedHttp2Backend.Start(EchoTunnel, Extended);
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(WebSocket, endStream: false);
        (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields[":status"].Should().Be("200");
        await client.SendBodyAsync(stream, "hello"u8.ToArray(), endStream: true);

        (await TextAsync(client, stream, 8)).Should().Be("hellobye", "the end that comes with the last bytes takes nothing from them");
        backend.Connections[0].Streams[1].Fields.Contains("sec-websocket-key").Should().BeFalse();
    }

    [Fact]
    public async Task CONNECT_by_HTTP_2_is_forwarded_in_HTTP_1_1()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 Connection established\r\n\r\nhello");
            await connection.SendAsync(await connection.ReadTextToEndAsync());
        });
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http1, terminates: false);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(Connect, endStream: false);
        var head = (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields;
        await client.SendBodyAsync(stream, "early"u8.ToArray(), endStream: true);

        head[":status"].Should().Be("200");
        (await TextAsync(client, stream, 10)).Should().Be("helloearly");
        (backend.Requests[0].Method, backend.Requests[0].Target).Should().Be(("CONNECT", "example.com:443"));
    }

    [Fact]
    public async Task CONNECT_by_HTTP_1_1_is_forwarded_in_HTTP_2_with_what_the_client_sent_early()
    {
        await using var backend = ScriptedHttp2Backend.Start(EchoTunnel);
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http2, terminates: false);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\nearly ");
        var head = await client.ReadHeadAsync();
        (head.Status, head.Headers.Contains("content-length"), head.Headers.Contains("transfer-encoding")).Should().Be((200, false, false));
        await client.SendAsync("late ");
        client.ShutdownSend();

        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("early late bye");
        var sent = backend.Connections[0].Streams[1].Fields;
        (sent[":method"], sent[":authority"], sent.Contains(":path"), sent.Contains(":scheme")).Should().Be(("CONNECT", "example.com:443", false, false));
    }

    [Fact]
    public async Task A_CONNECT_of_HTTP_1_1_that_a_backend_of_HTTP_2_refuses_is_an_ordinary_answer_and_early_bytes_reach_nobody()
    {
        await using var backend = ScriptedHttp2Backend.Start(static stream => stream.AnswerAsync(403, "no"));
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http2, terminates: false);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");

        var response = await client.ReadResponseAsync();
        (response.Status, response.BodyText, response.Headers["connection"]).Should().Be((403, "no", "close"));
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        backend.Connections.Should().ContainSingle().Which.Streams.Should().ContainSingle();
        backend.Connections[0].Ended.IsSet.Should().BeFalse("other streams may share it");
    }

    [Fact]
    public async Task A_tunnel_of_HTTP_1_1_whose_backend_of_HTTP_2_resets_it_is_cut()
    {
        await using var backend = ScriptedHttp2Backend.Start(static async stream =>
        {
            await stream.SendHeadAsync(200);
            await stream.ReadAsync();
            await stream.ResetAsync(Http2ErrorCode.ConnectError);
        });
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http2, terminates: false);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(200);

        await client.SendAsync("x");

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Reset, "an orderly end would say that the backend had said all");
    }

    [Theory]
    [InlineData(UpstreamProtocol.Http1)]
    [InlineData(UpstreamProtocol.Http2)]
    public async Task CONNECT_by_HTTP_2_ends_here_where_the_route_says_so(UpstreamProtocol protocol)
    {
        await using var backend = ScriptedBackend.Start(static async connection => await connection.SendAsync($"heard: {await connection.ReadTextToEndAsync()}"));
        await using var proxy = ConnectProxy(backend.Port, protocol, terminates: true);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(Connect, endStream: false);
        (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields[":status"].Should().Be("200");
        await client.SendBodyAsync(stream, "bare bytes"u8.ToArray(), endStream: true);

        (await TextAsync(client, stream, 17)).Should().Be("heard: bare bytes");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("3")]
    public async Task Rfc9110_9_3_6_a_length_in_the_agreement_to_CONNECT_says_nothing(string length)
    {
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-length", length));
            await stream.SendDataAsync("a tunnel", endStream: true);
        });
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http2, terminates: false);
        await using var old = await RawHttpClient.ConnectAsync(proxy.Port);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        await old.SendAsync("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n");
        var head = await old.ReadHeadAsync();
        (head.Status, head.Headers.Contains("content-length")).Should().Be((200, false));
        Encoding.Latin1.GetString(await old.ReadToEndAsync()).Should().Be("a tunnel");

        var stream = await client.OpenAsync(Connect, endStream: false);
        (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields.Contains("content-length").Should().BeFalse();
        (await TextAsync(client, stream, 8)).Should().Be("a tunnel");
        await client.SendBodyAsync(stream, default, endStream: true);
        await client.PingAsync();
    }

    [Theory]
    [InlineData("0")]
    [InlineData("3")]
    public async Task Rfc8441_5_nor_does_one_in_the_agreement_to_extended_CONNECT(string length)
    {
        await using var backend = ScriptedHttp2Backend.Start(
            async stream =>
            {
                await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-length", length));
                await stream.SendDataAsync("a tunnel", endStream: true);
            },
            Extended);
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(WebSocket, endStream: false);

        var head = (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields;
        (head[":status"], head.Contains("content-length")).Should().Be(("200", false));
        (await TextAsync(client, stream, 8)).Should().Be("a tunnel");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_tunnel_with_a_length_is_malformed_and_no_backend_waits_for_a_body(bool isWebSocket)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(403, "no"));
        await using var proxy = isWebSocket ? Proxy(backend.Port, UpstreamProtocol.Http1) : ConnectProxy(backend.Port, UpstreamProtocol.Http1, terminates: false);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        await client.OpenAsync([.. isWebSocket ? WebSocket : Connect, new("content-length", "5")], endStream: false);

        await client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
        backend.Connections.Should().BeEmpty();
    }

    [Theory]
    [InlineData("content-length: 10", "first", "other")]
    [InlineData("transfer-encoding: chunked", "5\r\nfirst\r\n", "0\r\n\r\n")]
    [InlineData("content-length: 5", "first", "")]
    public async Task An_upgrade_of_HTTP_1_1_with_a_body_is_no_extended_CONNECT(string framing, string first, string rest)
    {
        await using var backend = ScriptedHttp2Backend.Start(EchoTunnel, Extended);
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        for (var i = 0; i < 2; i++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync($"POST /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n{framing}\r\n\r\n{first}");
            await client.SendAsync(rest);

            (await client.ReadResponseAsync("POST")).Status.Should().Be(502);
        }

        backend.Connections.Should().OnlyContain(static c => c.Streams.Count == 0);
    }

    [Fact]
    public async Task CONNECT_passes_from_HTTP_2_to_HTTP_2()
    {
        await using var backend = ScriptedHttp2Backend.Start(EchoTunnel);
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http2, terminates: false);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(Connect, endStream: false);
        (await client.ExpectAsync(Http2FrameType.Headers, stream)).Fields[":status"].Should().Be("200");
        await client.SendBodyAsync(stream, new byte[300_000], endStream: true);

        (await TextAsync(client, stream, 300_003)).Should().EndWith("bye");
        var sent = backend.Connections[0].Streams[1].Fields;
        sent[":authority"].Should().Be("example.com:443");
        sent.Contains(":path").Should().BeFalse();
        sent.Contains(":scheme").Should().BeFalse();
    }

    [Fact]
    public async Task A_backend_that_breaks_off_a_tunnel_is_CONNECT_ERROR_to_the_client()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\n\r\nhello");
            await connection.ReadTextAsync(1);
            connection.Reset();
        });
        await using var proxy = ConnectProxy(backend.Port, UpstreamProtocol.Http1, terminates: false);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(Connect, endStream: false);
        (await TextAsync(client, stream, 5)).Should().Be("hello");
        await client.SendBodyAsync(stream, "x"u8.ToArray(), endStream: false);

        await client.ExpectStreamErrorAsync(stream, Http2ErrorCode.ConnectError);
    }

    [Fact]
    public async Task A_client_that_breaks_off_a_tunnel_ends_the_backends_stream_alone()
    {
        await using var backend = ScriptedHttp2Backend.Start(EchoTunnel, Extended);
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var stream = await client.OpenAsync(WebSocket, endStream: false);
        await client.ExpectAsync(Http2FrameType.Headers, stream);
        await client.SendAsync(Http2Frames.Reset(stream, Http2ErrorCode.Cancel));

        (await backend.Connections[0].Streams[1].WaitForResetAsync()).Should().Be(Http2ErrorCode.Cancel);
        backend.Connections[0].Ended.IsSet.Should().BeFalse();
    }

    [Fact]
    public async Task Without_allow_connect_extended_CONNECT_is_malformed()
    {
        await using var front = await Http2Front.StartAsync();

        var stream = await front.Client.OpenAsync(WebSocket, endStream: false);

        await front.Client.ExpectStreamErrorAsync(stream, Http2ErrorCode.ProtocolError);
        await front.MustServeAsync();
    }

    private static RunningProxy Proxy(int port, UpstreamProtocol protocol) =>
        RunningProxy.Start(RunningProxy.Everything("backend"), [Cluster(port, protocol)], static http => Serve(http) with { Upgrades = [new UpgradeConfig("websocket")] });

    private static RunningProxy ConnectProxy(int port, UpstreamProtocol protocol, bool terminates) => RunningProxy.Start(
        RunningProxy.Table(new Route
        {
            Match = new RouteMatch { Path = new ConnectPath() },
            Action = new ForwardAction { Cluster = new SingleCluster("backend"), Upgrades = [new UpgradeConfig("CONNECT", TerminatesConnect: terminates)] },
        }),
        [Cluster(port, protocol)],
        Serve);

    private static HttpConnectionManagerConfig Serve(HttpConnectionManagerConfig http) => http with { Http2 = new Http2Options { AllowConnect = true } };

    private static ClusterSpecification Cluster(int port, UpstreamProtocol protocol)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        return cluster with { Config = cluster.Config with { Protocol = protocol } };
    }

    private static async Task<string> TextAsync(RawHttp2Client client, int stream, int length)
    {
        var text = new StringBuilder();
        while (text.Length < length)
        {
            text.Append(Encoding.Latin1.GetString((await client.ExpectAsync(Http2FrameType.Data, stream)).Data.Span));
        }

        return text.ToString();
    }

    private static async Task EndAsync(RawHttp2Client client, int stream)
    {
        while (!(await client.ExpectAsync(Http2FrameType.Data, stream)).EndsStream)
        {
            // Only the end matters.
        }
    }

    private static string AcceptOf(string key) => Encoding.ASCII.GetString(WebSocketKeys.AcceptOf(Encoding.ASCII.GetBytes(key)));
}
