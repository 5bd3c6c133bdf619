using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Streams that a backend resets: those that it did not process are sent again whatever they are (RFC 9113 section 8.7), others as the retry policy says.</summary>
public sealed class RefusedStreamTests
{
    private const string Post = "POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_refused_request_is_sent_again_whatever_its_method_and_without_a_policy(int refusals)
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn([.. Enumerable.Repeat(Http2Scripts.Refuse(), refusals), Http2Scripts.Answer()]));

        (await RawHttpClient.ExchangeAsync(upstream.Proxy.Port, Post, "POST")).Status.Should().Be(200);

        upstream.Backend.Requests.Should().ContainSingle().Which.BodyText.Should().Be("body");
        upstream.Proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(refusals);
        upstream.Proxy.Stat("cluster.backend.upstream_rq_rx_reset").Should().Be(0);
    }

    [Fact]
    public async Task A_body_that_is_still_coming_is_sent_again_from_its_beginning()
    {
        var refused = new Signal();
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(
            async stream =>
            {
                await stream.ReadAsync();
                await stream.ResetAsync(Http2ErrorCode.RefusedStream);
                refused.Set();
            },
            Http2Scripts.EchoBody()));
        await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nfirst");
        await refused.WaitAsync();
        await upstream.Backend.WaitForStreamsAsync(2);
        await client.SendAsync("other");

        (await client.ReadResponseAsync()).BodyText.Should().Be("firstother");
    }

    [Fact]
    public async Task Three_refusals_are_an_answer()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Refuse());

        var response = await upstream.GetAsync();

        (response.Status, response.BodyText).Should().Be((503, "upstream connect error or disconnect/reset before headers. reset reason: remote refused stream reset"));
        (await upstream.Proxy.LogAsync()).Should().StartWith("GET / 503 UR upstream_reset_before_response_started{remote_refused_stream_reset}");
        upstream.Backend.Connections.Sum(static c => c.Streams.Count).Should().Be(3);
    }

    [Fact]
    public async Task The_policy_decides_on_what_is_refused_more_often()
    {
        await using var upstream = Start(
            Http2Scripts.InTurn([.. Enumerable.Repeat(Http2Scripts.Refuse(), 4), Http2Scripts.Answer()]), RetryOn.RefusedStream, retries: 2);

        (await upstream.SendAsync(Post)).Status.Should().Be(200);
    }

    [Theory]
    [InlineData(RetryOn.RefusedStream, 503)]
    [InlineData(RetryOn.Reset, 200)]
    public async Task A_reset_after_processing_is_retried_as_reset_only(RetryOn on, int status)
    {
        await using var upstream = Start(Http2Scripts.InTurn(Http2Scripts.Reset(Http2ErrorCode.InternalError), Http2Scripts.Answer()), on, retries: 1);

        (await upstream.SendAsync(Post)).Status.Should().Be(status);

        upstream.Proxy.Stat("cluster.backend.upstream_rq_rx_reset").Should().Be(1);
        if (status == 503)
        {
            (await upstream.Proxy.LogAsync()).Should().StartWith("POST /p 503 UR upstream_reset_before_response_started{remote_reset}");
        }
    }

    [Fact]
    public async Task A_connection_that_ends_with_requests_under_way_is_counted_once()
    {
        var both = new Signal();
        await using var upstream = Http2Upstream.Start(async stream =>
        {
            await stream.ReadRequestAsync();
            if (stream.Id == 3)
            {
                both.Set();
            }

            await both.WaitAsync();
            stream.Connection.Close();
        });

        var responses = await Task.WhenAll(
            RawHttpClient.ExchangeAsync(upstream.Proxy.Port, Post, "POST"), RawHttpClient.ExchangeAsync(upstream.Proxy.Port, Post, "POST"));

        responses.Should().OnlyContain(static r => r.Status == 503);
        (await upstream.Proxy.LogAsync()).Should().StartWith("POST /p 503 UC upstream_reset_before_response_started{connection_termination}");
        upstream.Proxy.Stat("cluster.backend.upstream_cx_destroy_remote_with_active_rq").Should().Be(1);
        upstream.Proxy.Stat("cluster.backend.upstream_rq_rx_reset").Should().Be(0);
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_cx_active") == 0, "the end of the connection");
    }

    [Fact]
    public async Task Requests_that_a_GOAWAY_does_not_name_are_sent_on_another_connection_and_none_is_lost()
    {
        // Every connection goes away after its fifth stream, in the midst of others.
        await using var upstream = Http2Upstream.Start(static async stream =>
        {
            if (stream.Id == 9)
            {
                await stream.Connection.GoAwayAsync(9);
            }
            else if (stream.Id > 9)
            {
                return;
            }

            var request = await stream.ReadRequestAsync();
            await stream.AnswerAsync(200, request.Fields["x-id"] + request.BodyText);
        });
        var answers = new System.Collections.Concurrent.ConcurrentBag<string>();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
            for (var i = 0; i < 25; i++)
            {
                await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\nx-id: {worker}-{i}-\r\ncontent-length: 4\r\n\r\nbody");
                var response = await client.ReadResponseAsync("POST");
                response.Status.Should().Be(200);
                answers.Add(response.BodyText);
            }
        }));

        answers.Should().HaveCount(200).And.OnlyHaveUniqueItems();
        upstream.Backend.Requests.Should().HaveCount(200, "nothing was processed twice");
        upstream.Backend.Connections.Count.Should().BeGreaterThan(30);
    }

    private static Running Start(Http2Script script, RetryOn on, int retries)
    {
        var backend = ScriptedHttp2Backend.Start(script);
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { RetryPolicy = new RetryPolicy { RetryOn = on, NumRetries = retries } }),
            [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }]);
        return new Running(backend, proxy);
    }

    private sealed record Running(ScriptedHttp2Backend Backend, RunningProxy Proxy) : IAsyncDisposable
    {
        public Task<RawResponse> SendAsync(string request) => RawHttpClient.ExchangeAsync(Proxy.Port, request, "POST");

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Backend.DisposeAsync();
        }
    }
}
