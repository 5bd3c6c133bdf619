using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.TestTools.Http2;

/// <summary>The HTTP/2 tools against independent peers: those of nghttp2, and curl.</summary>
public sealed class Http2PeersWithNghttp2Tests
{
    [Fact]
    public async Task The_backend_serves_nghttp_and_curl()
    {
        var (nghttp, curl) = (Requires.Tool("nghttp"), Requires.Tool("curl"));
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.EchoBody(new RawHeader("x-sum", "1")));
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("body"), new string('b', 300_000));

        var one = await ChildProcess.RunAsync(nghttp, "-v", "--no-dep", "-d", folder.File("body"), $"http://127.0.0.1:{backend.Port}/one");
        var two = await ChildProcess.RunAsync(curl, "-sS", "--http2-prior-knowledge", "--data-binary", $"@{folder.File("body")}", $"http://127.0.0.1:{backend.Port}/two");

        one.Output.Should().Contain("x-sum: 1");
        two.Output.Trim().Should().Be(new string('b', 300_000), two.Error);
        backend.Requests.Select(static r => r.Path).Should().Equal("/one", "/two");
        backend.Requests.Should().AllSatisfy(static r => r.Body.Should().HaveCount(300_000));
    }

    [Fact]
    public async Task The_backend_serves_curl_over_TLS()
    {
        var curl = Requires.Tool("curl");
        using var authority = TestAuthority.Root();
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(200, "secret"), new Http2BackendOptions { Certificate = authority.Issue(null, "web.test") });

        var asked = await ChildProcess.RunAsync(curl, "-sSk", "--http2", "-w", "%{http_version}", $"https://127.0.0.1:{backend.Port}/");

        asked.Output.Trim().Should().Be("secret2", asked.Error);
    }

    [Fact]
    public async Task The_client_asks_nghttpd()
    {
        var nghttpd = Requires.Tool("nghttpd");
        using var folder = new TempFolder();
        var content = new byte[500_000];
        new Random(2).NextBytes(content);
        await File.WriteAllBytesAsync(folder.File("file"), content);
        var port = FreePort.Take();
        await using var server = ChildProcess.Start(nghttpd, ["--no-tls", "-v", "-a", "127.0.0.1", "-d", folder.Path, "--trailer", "x-sum: 1", $"{port}"]);
        await server.WaitForLineAsync("listen");
        await using var client = await RawHttp2Client.ConnectAsync(port);

        var found = await client.GetAsync("/file");
        var missing = await client.GetAsync("/missing");

        found.Body.Should().Equal(content);
        found.Trailers["x-sum"].Should().Be("1");
        missing.Status.Should().Be(404);
        await client.SendAsync(Http2Frames.Raw(6, 0, 0, new byte[7]));
        await client.ExpectConnectionErrorAsync(Http2ErrorCode.FrameSizeError);
    }

    [Fact]
    public async Task The_backend_keeps_up_with_h2load()
    {
        var h2load = Requires.Tool("h2load");
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(200, new string('x', 500)));

        var loaded = await ChildProcess.RunAsync(h2load, "-n", "2000", "-c", "4", "-m", "16", $"http://127.0.0.1:{backend.Port}/");

        loaded.Output.Should().Contain("2000 succeeded, 0 failed");
        backend.Requests.Should().HaveCount(2000);
        backend.Connections.Should().HaveCount(4).And.AllSatisfy(static c => c.MostOpen.Should().BeInRange(0, 16));
    }
}
