using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>curl as client: plain HTTP/2 and by ALPN, to backends of both versions.</summary>
public sealed class CurlTests
{
    private const int Large = 50_000_000;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Fifty_megabytes_go_up_and_come_down_as_they_are(bool isSecure, bool isHttp2Backend)
    {
        var curl = Requires.Tool("curl");
        using var folder = new TempFolder();
        var content = new byte[Large];
        new Random(3).NextBytes(content);
        await File.WriteAllBytesAsync(folder.File("up"), content, TestContext.Current.CancellationToken);
        await using var backend = ScriptedBackend.Start(EchoAsync);
        await using var http2 = ScriptedHttp2Backend.Start(Http2Scripts.EchoBody(new RawHeader("x-sum", "1")));
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { IsSecure = isSecure, SpeaksHttp2 = isHttp2Backend }, isHttp2Backend ? http2.Port : backend.Port);

        var asked = await CurlAsync(curl, proxy, isSecure, "-T", folder.File("up"), "-o", folder.File("down"), "-w", "%{http_version} %{http_code} %{size_upload}");

        asked.Output.Trim().Should().Be($"2 200 {Large}", asked.Error);
        (await File.ReadAllBytesAsync(folder.File("down"), TestContext.Current.CancellationToken)).AsSpan().SequenceEqual(content).Should().BeTrue();
        (await proxy.LogAsync(1))[0].Should().Be("/up HTTP/2 200 -", "curl adds the name of the file");
        await proxy.MustBeQuietAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_transfers_share_a_connection(bool isHttp2Backend)
    {
        var curl = Requires.Tool("curl");
        using var folder = new TempFolder();
        var body = new string('x', 100_000);
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, body));
        await using var http2 = ScriptedHttp2Backend.Start(Http2Scripts.Answer(200, body));
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { IsSecure = true, SpeaksHttp2 = isHttp2Backend }, isHttp2Backend ? http2.Port : backend.Port);

        // By ALPN: with prior knowledge curl 7.88 does not get along with any server here.
        var asked = await ChildProcess.RunAsync(
            curl, "-sSk", "--http2", "--parallel", "--parallel-max", "50", "-o", folder.File("#1"), "-w", "%{http_code}\n", $"https://127.0.0.1:{proxy.Port}/[1-200]");

        asked.Output.Split('\n').Count(static status => status == "200").Should().Be(200, asked.Error);
        Directory.GetFiles(folder.Path).Should().HaveCount(200).And.AllSatisfy(file => new FileInfo(file).Length.Should().Be(body.Length));
        (await proxy.StatAsync("http.http.downstream_cx_http2_total")).Should().BeLessThan(10);
        await proxy.MustBeQuietAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_without_bodies_and_with_trailers_are_read_to_their_end(bool isHttp2Backend)
    {
        var curl = Requires.Tool("curl");
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) => connection.SendAsync(request.Target switch
        {
            "/204" => "HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n",
            "/early" => "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            _ when request.Method == "HEAD" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n",
        })));
        await using var http2 = ScriptedHttp2Backend.Start(static async stream =>
        {
            var request = await stream.ReadRequestAsync();
            if (request.Path is "/204" or "/304")
            {
                await stream.SendHeadAsync(request.Path == "/204" ? 204 : 304, endStream: true, new RawHeader("x-a", "b"));
                return;
            }

            if (request.Path == "/early")
            {
                await stream.SendInterimAsync(103, new RawHeader("link", "</style.css>"));
            }

            if (request.Method == "HEAD")
            {
                await stream.SendHeadAsync(200, endStream: true, new RawHeader("content-length", "5"));
            }
            else
            {
                // Without a length: curl does not wait for what may come behind it.
                await stream.SendHeadAsync(200);
                await stream.SendDataAsync("hello");
                await stream.SendTrailersAsync(new RawHeader("x-sum", "5"));
            }
        });
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions
            {
                SpeaksHttp2 = isHttp2Backend,
                Cluster = isHttp2Backend ? "" : "http_protocol_options: { enable_trailers: true },",
            },
            isHttp2Backend ? http2.Port : backend.Port);

        (await CurlAsync(curl, proxy, false, "/204")).Output.Should().StartWith("HTTP/2 204");
        (await CurlAsync(curl, proxy, false, "/304")).Output.Should().StartWith("HTTP/2 304");
        (await CurlAsync(curl, proxy, false, "/", "-I")).Output.Should().StartWith("HTTP/2 200").And.Contain("content-length: 5");
        (await CurlAsync(curl, proxy, false, "/early")).Output.Should().StartWith("HTTP/2 103").And.Contain("link: </style.css>").And.Contain("hello");
        (await CurlAsync(curl, proxy, false, "/")).Output.Should().Contain("hello").And.Contain("x-sum: 5");
        var continued = await CurlAsync(curl, proxy, false, "/post", "-H", "expect: 100-continue", "-d", "12345");
        continued.Output.Should().Contain("hello").And.Contain("HTTP/2 200");
        await proxy.MustBeQuietAsync();
    }

    /// <summary>Runs curl with the head shown unless the caller writes what else there is to know; what begins with a slash is the path.</summary>
    private static Task<ProcessResult> CurlAsync(string curl, Http2Proxy proxy, bool isSecure, params string[] arguments)
    {
        var path = arguments.FirstOrDefault(static argument => argument.StartsWith('/') && argument.Count(static character => character == '/') == 1) ?? "/";
        string[] shown = arguments.Contains("-w", StringComparer.Ordinal) ? [] : ["-i"];
        return ChildProcess.RunAsync(
            curl,
            ["-sSk", isSecure ? "--http2" : "--http2-prior-knowledge", .. shown, .. arguments.Where(argument => argument != path), $"{(isSecure ? "https" : "http")}://127.0.0.1:{proxy.Port}{path}"]);
    }

    /// <summary>Answers with the body of the request, in chunks.</summary>
    private static async Task EchoAsync(BackendConnection connection)
    {
        while (await connection.ReadRequestAsync() is { } request)
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {request.Body.Length}\r\n\r\n");
            await connection.SendAsync(request.Body);
        }
    }
}
