using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Fields that their sender lets nobody put into a table (RFC 7541 sections 6.2.3 and 7.1.3) go on just so.</summary>
public sealed class NeverIndexedFieldTests
{
    [Fact]
    public async Task A_secret_of_a_request_stays_one_and_what_stands_beside_it_does_not_become_one()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        for (var id = 1; id <= 5; id += 2)
        {
            // The same again and again: nothing of it may have entered a table.
            var block = HpackBlock.Of(Http2Fields.Get()).Concat(
                new HpackBlock().NeverIndexed("x-secret", "one").Literal("x-open", "two").NeverIndexed("x-empty", "").NeverIndexed("cookie", "id=0123456789012345678901").ToBytes());
            await client.SendAsync(Http2Frames.HeaderBlock(id, [.. block], endStream: true));
            (await client.ReadResponseAsync(id)).Status.Should().Be(200);

            var head = await backend.Connections[0].WaitForFrameAsync(frame => frame.Type == Http2FrameType.Headers && frame.StreamId == id, "the request");
            head.NeverIndexed.Should().Equal("x-secret", "x-empty", "cookie");
            (head.Fields["x-secret"], head.Fields["x-open"], head.Fields["x-empty"], head.Fields["cookie"]).Should().Be(("one", "two", "", "id=0123456789012345678901"));
        }
    }

    [Fact]
    public async Task A_cookie_of_crumbs_is_a_secret_where_one_of_them_is()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var block = HpackBlock.Of(Http2Fields.Get()).Concat(new HpackBlock().Literal("cookie", "a=0123456789").NeverIndexed("cookie", "b=0123456789").Literal("cookie", "c=0123456789").ToBytes());
        await client.SendAsync(Http2Frames.HeaderBlock(1, [.. block], endStream: true));
        await client.ReadResponseAsync(1);

        var head = backend.Connections[0].Received.Single(static frame => frame.Type == Http2FrameType.Headers);
        head.NeverIndexed.Should().Equal("cookie");
        head.Fields["cookie"].Should().Be("a=0123456789; b=0123456789; c=0123456789");
    }

    [Fact]
    public async Task A_secret_of_a_response_and_of_trailers_stays_one()
    {
        await using var backend = ScriptedHttp2Backend.Start(static async stream =>
        {
            await stream.ReadRequestAsync();
            var head = HpackBlock.Of(Http2Fields.Response(200)).Concat(new HpackBlock().NeverIndexed("x-secret", "one").Literal("x-open", "two").ToBytes());
            await stream.Connection.SendAsync(Http2Frames.HeaderBlock(stream.Id, [.. head]));
            await stream.SendDataAsync("body");
            await stream.Connection.SendAsync(Http2Frames.HeaderBlock(stream.Id, new HpackBlock().NeverIndexed("x-sum", "three").Literal("x-plain", "four").ToBytes(), endStream: true));
        });
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var id = await client.OpenAsync(Http2Fields.Get());
        var head = await client.ExpectAsync(Http2FrameType.Headers, id);
        var trailers = await client.ExpectAsync(Http2FrameType.Headers, id);

        (head.Fields["x-secret"], head.Fields["x-open"]).Should().Be(("one", "two"));
        head.NeverIndexed.Should().Equal("x-secret");
        (trailers.Fields["x-sum"], trailers.Fields["x-plain"]).Should().Be(("three", "four"));
        trailers.NeverIndexed.Should().Equal("x-sum");
    }

    [Fact]
    public async Task By_HTTP_1_1_it_is_a_field_like_any_other()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http1);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var block = HpackBlock.Of(Http2Fields.Get().Without(":authority")).Concat(new HpackBlock().NeverIndexed("host", "a.test").NeverIndexed("x-secret", "one").ToBytes());
        await client.SendAsync(Http2Frames.HeaderBlock(1, [.. block], endStream: true));
        (await client.ReadResponseAsync(1)).Status.Should().Be(200);

        (backend.Requests[0].Headers["x-secret"], backend.Requests[0].Headers["host"]).Should().Be(("one", "a.test"));
    }

    [Theory]
    [InlineData("host:a.test")]
    [InlineData("Host:\ta.test")]
    [InlineData("host:   a.test  ")]
    public async Task The_authority_of_a_client_of_HTTP_1_1_is_known_whatever_white_space_stands_before_it(string line)
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var proxy = Proxy(backend.Port, UpstreamProtocol.Http2, HttpCodec.Auto);

        (await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\n{line}\r\n\r\n")).Status.Should().Be(200);

        backend.Requests[0].Authority.Should().Be("a.test");
    }

    private static RunningProxy Proxy(int port, UpstreamProtocol protocol, HttpCodec codec = HttpCodec.Http2)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        return RunningProxy.Start(
            RunningProxy.Everything("backend"),
            [cluster with { Config = cluster.Config with { Protocol = protocol } }],
            http => http with { Codec = codec, Http2 = new Http2Options() });
    }
}
