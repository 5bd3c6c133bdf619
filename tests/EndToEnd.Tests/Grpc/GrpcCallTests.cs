using AwesomeAssertions;
using Grpc.Core;
using KubeProxyNet.EndToEnd.Tests.Http2;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>Calls of Grpc.Net.Client through the proxy to Grpc.AspNetCore, over plain HTTP/2 and TLS on both sides.</summary>
public sealed class GrpcCallTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task All_four_kinds_of_calls_go_through_with_their_metadata_and_trailers(bool isSecure)
    {
        await using var backend = await GrpcBackend.StartAsync(isSecure);
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { IsSecure = isSecure, IsUpstreamSecure = isSecure, Log = GrpcSetup.Log, Filters = GrpcSetup.Stats }, backend.Port);
        using var channel = GrpcSetup.Channel(proxy, isSecure);
        var invoker = channel.CreateCallInvoker();

        using var unary = channel.Call(EchoMethods.Unary, [1, 2, 3], new CallOptions(new Metadata { { "x-headers", "early" }, { "x-own-bin", [0, 0xff, 10, 13] } }));
        (await unary).Should().Equal(1, 2, 3);
        var head = await unary.ResponseHeadersAsync;
        head.GetValue("x-head").Should().Be("early");
        head.GetValueBytes("x-head-bin").Should().Equal(0, 1, 0xff);
        unary.GetTrailers().GetValue("x-trailer").Should().Be("behind");
        unary.GetTrailers().GetValueBytes("x-trailer-bin").Should().Equal(0xff, 0, 0x80);
        backend.Calls.Single().Headers.GetValueBytes("x-own-bin").Should().Equal(0, 0xff, 10, 13);

        using var down = invoker.AsyncServerStreamingCall(EchoMethods.Down, null, default, [50]);
        (await down.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken).Select(static message => (int)message[0]).ToListAsync(TestContext.Current.CancellationToken))
            .Should().Equal(Enumerable.Range(0, 50));
        down.GetTrailers().GetValue("x-count").Should().Be("50");

        using var up = invoker.AsyncClientStreamingCall(EchoMethods.Up, null, default);
        for (byte i = 0; i < 50; i++)
        {
            await up.RequestStream.WriteAsync([i], TestContext.Current.CancellationToken);
        }

        await up.RequestStream.CompleteAsync();
        (await up).Should().Equal(Enumerable.Range(0, 50).Select(static i => (byte)i));

        using var chat = invoker.AsyncDuplexStreamingCall(EchoMethods.Chat, null, default);
        for (byte i = 0; i < 50; i++)
        {
            // Each answer is awaited before the next message, so nothing on the way may wait for more.
            await chat.RequestStream.WriteAsync([i, i], TestContext.Current.CancellationToken);
            (await chat.ResponseStream.MoveNext(TestContext.Current.CancellationToken)).Should().BeTrue();
            chat.ResponseStream.Current.Should().Equal(i, i);
        }

        await chat.RequestStream.CompleteAsync();
        (await chat.ResponseStream.MoveNext(TestContext.Current.CancellationToken)).Should().BeFalse();

        (await proxy.LogAsync(4)).Should().BeEquivalentTo(
            "/test.Echo/Unary HTTP/2 200 - OK behind", "/test.Echo/Down HTTP/2 200 - OK -", "/test.Echo/Up HTTP/2 200 - OK -", "/test.Echo/Chat HTTP/2 200 - OK -");
        (await proxy.StatAsync("cluster.backend.grpc.test.Echo.Unary.0")).Should().Be(1);
        (await proxy.StatAsync("cluster.backend.grpc.test.Echo.Chat.success")).Should().Be(1);
        (await proxy.StatAsync("cluster.backend.grpc.test.Echo.Chat.request_message_count")).Should().Be(50);
        (await proxy.StatAsync("cluster.backend.grpc.test.Echo.Down.response_message_count")).Should().Be(50);
        (await proxy.StatAsync("cluster.backend.upstream_cx_http2_total")).Should().BeGreaterThan(0);
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task A_status_of_the_server_comes_with_its_message_and_details()
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { Log = GrpcSetup.Log, Filters = GrpcSetup.Stats }, backend.Port);
        using var channel = GrpcSetup.Channel(proxy);

        var failure = await channel.Call(EchoMethods.Unary, [], Asking("NotFound")).MustFailAsync(StatusCode.NotFound);
        var early = await channel.Call(EchoMethods.Unary, [], new CallOptions(new Metadata { { "x-status", "DataLoss" }, { "x-headers", "1" } })).MustFailAsync(StatusCode.DataLoss);

        foreach (var found in new[] { failure, early })
        {
            found.Status.Detail.Should().Be("as asked: 100 % \u00fc");
            found.Trailers.GetValueBytes("grpc-status-details-bin").Should().Equal(1, 2, 3);
        }

        var lines = await proxy.LogAsync(2);
        lines[0].Should().Contain(" 200 - NotFound");
        lines[1].Should().Be("/test.Echo/Unary HTTP/2 200 - DataLoss behind");
        (await proxy.StatAsync("cluster.backend.grpc.test.Echo.Unary.5")).Should().Be(1);
        (await proxy.StatAsync("cluster.backend.grpc.test.Echo.Unary.failure")).Should().Be(2);
    }

    [Fact]
    public async Task A_deadline_and_a_cancelled_call_reach_the_server()
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), backend.Port);
        using var channel = GrpcSetup.Channel(proxy);

        // On a busy machine a short deadline may pass before the call has got anywhere.
        for (var deadline = TimeSpan.FromMilliseconds(300); backend.Calls.Count == 0; deadline *= 2)
        {
            await channel.Call(EchoMethods.Hang, [], new CallOptions(deadline: DateTime.UtcNow + deadline)).MustFailAsync(StatusCode.DeadlineExceeded);
        }

        await backend.Cancelled.WaitAsync(TestContext.Current.CancellationToken);
        backend.Calls.Should().AllSatisfy(static call => call.Deadline.Should().BeBefore(DateTime.MaxValue.AddDays(-1)));

        await using var other = await GrpcBackend.StartAsync();
        await using var second = await Http2Proxy.StartAsync(new Http2ProxyOptions { Log = GrpcSetup.Log }, other.Port);
        using var leaving = GrpcSetup.Channel(second);
        using var cancel = new CancellationTokenSource();
        using var call = leaving.Call(EchoMethods.Hang, [], new CallOptions(cancellationToken: cancel.Token));
        await other.Hanging.WaitAsync(TestContext.Current.CancellationToken);
        await cancel.CancelAsync();
        await call.MustFailAsync(StatusCode.Cancelled);
        await other.Cancelled.WaitAsync(TestContext.Current.CancellationToken);
        (await second.LogAsync(1))[0].Should().Contain(" DC ");
        await second.MustBeQuietAsync();
        (await second.StatAsync("http.http.downstream_cx_active")).Should().Be(1, "only the stream has ended");
    }

    [Fact]
    public async Task A_stream_that_is_left_stops_the_server()
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), backend.Port);
        using var channel = GrpcSetup.Channel(proxy);

        using (var down = channel.CreateCallInvoker().AsyncServerStreamingCall(EchoMethods.Down, null, default, [byte.MaxValue]))
        {
            (await down.ResponseStream.MoveNext(TestContext.Current.CancellationToken)).Should().BeTrue();
        }

        await backend.Cancelled.WaitAsync(TestContext.Current.CancellationToken);
        (await channel.Call(EchoMethods.Unary, [7])).Should().Equal(7);
        await proxy.MustBeQuietAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_of_16_MB_go_both_ways(bool isSecure)
    {
        await using var backend = await GrpcBackend.StartAsync(isSecure);
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { IsSecure = isSecure, IsUpstreamSecure = isSecure }, backend.Port);
        using var channel = GrpcSetup.Channel(proxy, isSecure);
        var message = new byte[16 * 1024 * 1024];
        new Random(1).NextBytes(message);

        var answers = await Task.WhenAll(channel.Call(EchoMethods.Unary, message).ResponseAsync, channel.Call(EchoMethods.Unary, message).ResponseAsync);

        answers.Should().AllSatisfy(answer => answer.AsSpan().SequenceEqual(message).Should().BeTrue());
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task One_connection_carries_a_thousand_calls_at_once()
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { MaxStreams = 1000 }, backend.Port);
        using var channel = GrpcSetup.Channel(proxy);
        var invoker = channel.CreateCallInvoker();
        var chats = Enumerable.Range(0, 1000).Select(_ => invoker.AsyncDuplexStreamingCall(EchoMethods.Chat, null, default)).ToArray();

        await Task.WhenAll(chats.Index().Select(static async chat =>
        {
            await chat.Item.RequestStream.WriteAsync(BitConverter.GetBytes(chat.Index));
            (await chat.Item.ResponseStream.MoveNext()).Should().BeTrue();
            chat.Item.ResponseStream.Current.Should().Equal(BitConverter.GetBytes(chat.Index));
        })).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        (await proxy.StatAsync("http.http.downstream_cx_active")).Should().Be(1);
        (await proxy.StatAsync("http.http.downstream_rq_active")).Should().Be(1000);
        (await proxy.StatAsync("cluster.backend.upstream_cx_http2_total")).Should().BeGreaterThanOrEqualTo(10, "the server takes 100 streams a connection");
        await Task.WhenAll(chats.Select(static async chat =>
        {
            await chat.RequestStream.CompleteAsync();
            (await chat.ResponseStream.MoveNext()).Should().BeFalse();
            chat.GetStatus().StatusCode.Should().Be(StatusCode.OK);
            chat.Dispose();
        })).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task Many_clients_call_beside_each_other()
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), backend.Port);
        var channels = Enumerable.Range(0, 20).Select(_ => GrpcSetup.Channel(proxy)).ToArray();

        await Task.WhenAll(channels.SelectMany(static channel => Enumerable.Range(0, 50).Select(async i =>
            (await channel.Call(EchoMethods.Unary, [(byte)i])).Should().Equal((byte)i)))).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        (await proxy.StatAsync("http.http.downstream_cx_http2_total")).Should().Be(20);
        Array.ForEach(channels, static channel => channel.Dispose());
        await proxy.WaitForStatAsync("http.http.downstream_cx_active", 0);
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task A_backend_that_is_away_is_unavailable_and_is_found_again()
    {
        var backend = await GrpcBackend.StartAsync();
        var port = backend.Port;
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { Log = GrpcSetup.Log }, port);
        using var channel = GrpcSetup.Channel(proxy);
        (await channel.Call(EchoMethods.Unary, [1])).Should().Equal(1);
        using (var chat = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoMethods.Chat, null, default))
        {
            await chat.RequestStream.WriteAsync([1], TestContext.Current.CancellationToken);
            (await chat.ResponseStream.MoveNext(TestContext.Current.CancellationToken)).Should().BeTrue();
            await chat.RequestStream.CompleteAsync();
            await backend.DisposeAsync();
        }

        var away = await channel.Call(EchoMethods.Unary, [2]).MustFailAsync(StatusCode.Unavailable);
        away.Status.Detail.Should().Contain("upstream connect error");

        await using var again = await GrpcBackend.StartAsync(port: port);
        (await channel.Call(EchoMethods.Unary, [3])).Should().Equal(3);
        (await proxy.LogAsync(4))[2].Should().StartWith("/test.Echo/Unary HTTP/2 200 UF").And.EndWith("Unavailable -");
    }

    [Fact]
    public async Task Calls_are_tried_again_by_their_status()
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { Route = """, retry_policy: { retry_on: "unavailable,resource-exhausted", num_retries: 2, retry_back_off: { base_interval: 0.001s } }""" }, backend.Port);
        using var channel = GrpcSetup.Channel(proxy);

        (await channel.Call(EchoMethods.Unary, [1], Asking("Unavailable:2:a"))).Should().Equal(1);
        (await channel.Call(EchoMethods.Unary, [2], Asking("ResourceExhausted:1:b"))).Should().Equal(2);
        await channel.Call(EchoMethods.Unary, [3], Asking("Unavailable:3:c")).MustFailAsync(StatusCode.Unavailable);
        await channel.Call(EchoMethods.Unary, [4], Asking("Internal:1:d")).MustFailAsync(StatusCode.Internal);

        backend.Calls.Should().HaveCount(3 + 2 + 3 + 1);
        (await proxy.StatAsync("cluster.backend.upstream_rq_retry")).Should().Be(2 + 1 + 2);
        (await proxy.StatAsync("cluster.backend.upstream_rq_retry_success")).Should().Be(2);
    }

    private static CallOptions Asking(string status) => new(new Metadata { { "x-status", status } });
}
