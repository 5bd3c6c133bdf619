using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Backends whose bytes are no HTTP response, or one that could be read in two ways.</summary>
public sealed class MalformedResponseTests
{
    public static TheoryData<string, string> BadHeads => new()
    {
        { "no HTTP", "hello there, client\r\n\r\n" },
        { "HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n" },
        { "two digits", "HTTP/1.1 20 OK\r\n\r\n" },
        { "status 000", "HTTP/1.1 000 Zero\r\n\r\n" },
        { "bare LF", "HTTP/1.1 200 OK\ncontent-length: 0\n\n" },
        { "obs-fold", "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n" },
        { "space before colon", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n" },
        { "NUL in a value", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n" },
        { "CR in a value", "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n" },
        { "two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab" },
        { "the same length twice", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na" },
        { "a list of lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\na" },
        { "a signed length", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na" },
        { "length and chunked", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" },
        { "an unknown coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
        { "chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" },
        { "101 without an upgrade", "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n" },
        { "too long a head", $"HTTP/1.1 200 OK\r\nx: {new string('x', 82_000)}\r\n\r\n" },
        { "too many fields", $"HTTP/1.1 200 OK\r\n{string.Concat(Enumerable.Repeat("x: y\r\n", 101))}\r\n" },
    };

    [Theory]
    [MemberData(nameof(BadHeads))]
    public async Task Is_answered_502_UPE_and_the_connection_is_closed(string what, string response)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(response));
        await using var proxy = RunningProxy.To(backend.Port);

        var answer = await RawHttpClient.GetAsync(proxy.Port);

        answer.Status.Should().Be(502, what);
        (await proxy.LogAsync()).Should().StartWith("GET / 502 UPE ");
        await (await backend.WaitForConnectionAsync(1)).Ended.WaitAsync();
        proxy.Stat("cluster.backend.upstream_cx_protocol_error").Should().Be(1);
    }

    [Theory]
    [InlineData(70_000, 0, 80, 100, 200)]
    [InlineData(70_000, 0, 60, 100, 502)]
    [InlineData(97_000, 0, 96, 100, 200)]
    [InlineData(0, 200, 80, 201, 200)]
    [InlineData(0, 20, 80, 20, 502)]
    public async Task A_cluster_says_how_long_a_head_may_be(int bytes, int fields, int kilobytes, int maxFields, int status)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(
            $"HTTP/1.1 200 OK\r\nx: {new string('x', bytes)}\r\n{string.Concat(Enumerable.Repeat("x: y\r\n", Math.Max(0, fields - 1)))}content-length: 0\r\n\r\n"));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        cluster = cluster with { Config = cluster.Config with { MaxResponseHeadBytes = kilobytes * 1024, MaxResponseFields = maxFields } };
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [cluster]);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(status);
    }

    [Theory]
    [InlineData("5x\r\nhello\r\n0\r\n\r\n")]
    [InlineData("-5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("0x5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5\nhello\n0\n\n")]
    [InlineData("5\r\nhello!\r\n0\r\n\r\n")]
    [InlineData("ffffffffffffffff\r\nhello")]
    public async Task A_bad_chunk_cuts_the_answer(string body)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nfoo\r\n" + body));
        await using var proxy = RunningProxy.To(backend.Port);

        string verdict;
        try
        {
            verdict = (await RawHttpClient.GetAsync(proxy.Port)).Status.ToString();
        }
        catch (RawFramingException e)
        {
            verdict = e.Fault.ToString();
        }

        verdict.Should().BeOneOf("502", nameof(FramingFault.Truncated));
        (await proxy.LogAsync()).Should().Match("GET / * UPE http1.invalid_chunk *");
    }

    [Fact]
    public async Task A_storm_of_interim_responses_is_ended()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            while (true)
            {
                await connection.SendAsync("HTTP/1.1 102 Processing\r\n\r\n");
            }
        });
        await using var proxy = RunningProxy.To(backend.Port);

        var answer = await RawHttpClient.GetAsync(proxy.Port);

        answer.Status.Should().Be(502);
        answer.Interim.Should().HaveCountLessThan(32);
        (await proxy.LogAsync()).Should().StartWith("GET / 502 UPE ");
    }
}
