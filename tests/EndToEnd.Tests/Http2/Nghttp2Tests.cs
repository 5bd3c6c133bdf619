using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>The tools of nghttp2 on either side: nghttp, nghttpd and h2load.</summary>
public sealed class Nghttp2Tests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nghttp_asks_nghttpd_with_padding_priorities_and_uploads(bool isSecure)
    {
        var nghttp = Requires.Tool("nghttp");
        using var folder = new TempFolder();
        var content = Content(folder, "file", 3_000_000);
        await using var server = await NghttpdAsync(folder, isSecure, "--trailer", "x-sum: 1", "--padding", "64", "--echo-upload");
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { IsSecure = isSecure, IsUpstreamSecure = isSecure }, server.Port);
        var origin = $"{(isSecure ? "https" : "http")}://127.0.0.1:{proxy.Port}";

        // -p asks for a priority, -b adds padding, and --multiply sends the request so many times on one connection.
        var told = await ChildProcess.RunAsync(nghttp, "-nv", "--no-verify-peer", "-p", "1", "-b", "100", "--multiply", "20", $"{origin}/file");
        told.Output.Should().Contain("recv SETTINGS frame").And.Contain("x-sum: 1", told.Error);
        told.Output.Split(":status: 200").Should().HaveCount(20 + 1);
        told.Output.Should().NotContain("RST_STREAM").And.NotContain("[INVALID");

        await using (var upload = ChildProcess.Start("/bin/sh", ["-c", $"{nghttp} --no-verify-peer -b 255 -d {folder.File("file")} {origin}/up > {folder.File("down")}"]))
        {
            (await upload.WaitForExitAsync()).Should().Be(0, upload.Error);
        }

        (await File.ReadAllBytesAsync(folder.File("down"), TestContext.Current.CancellationToken)).AsSpan().SequenceEqual(content).Should().BeTrue();
        var missing = await ChildProcess.RunAsync(nghttp, "-nv", "--no-verify-peer", $"{origin}/missing");
        missing.Output.Should().Contain(":status: 404");
        await proxy.MustBeQuietAsync();
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, true, false)]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    public async Task H2load_is_answered_in_every_mix(bool isHttp2Client, bool isHttp2Backend, bool isSecure)
    {
        var h2load = Requires.Tool("h2load");
        using var folder = new TempFolder();
        Content(folder, "index.html", 2_000);
        await using var server = isHttp2Backend ? await NghttpdAsync(folder, isSecure) : null;
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { IsSecure = isSecure, SpeaksHttp2 = isHttp2Backend, IsUpstreamSecure = isSecure }, server?.Port ?? backend.Port);

        string[] version = isHttp2Client ? ["-m", "32"] : ["--h1"];
        var loaded = await ChildProcess.RunAsync(h2load, ["-n", "5000", "-c", "8", .. version, $"{(isSecure ? "https" : "http")}://127.0.0.1:{proxy.Port}/"]);

        loaded.Output.Should().Contain("5000 succeeded, 0 failed, 0 errored, 0 timeout", loaded.Error).And.Contain("status codes: 5000 2xx");
        (await proxy.StatAsync(isHttp2Client ? "http.http.downstream_cx_http2_total" : "http.http.downstream_cx_http1_total")).Should().BeGreaterThanOrEqualTo(8);
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task H2load_uploads_on_many_streams()
    {
        var h2load = Requires.Tool("h2load");
        using var folder = new TempFolder();
        Content(folder, "body", 200_000);
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.EchoBody(new RawHeader("x-sum", "1")));
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), backend.Port);

        var loaded = await ChildProcess.RunAsync(h2load, "-n", "200", "-c", "2", "-m", "20", "-d", folder.File("body"), $"http://127.0.0.1:{proxy.Port}/");

        loaded.Output.Should().Contain("200 succeeded, 0 failed, 0 errored, 0 timeout", loaded.Error);
        backend.Requests.Should().HaveCount(200).And.AllSatisfy(static request => request.Body.Should().HaveCount(200_000));
        await proxy.MustBeQuietAsync();
    }

    private static byte[] Content(TempFolder folder, string name, int length)
    {
        var content = new byte[length];
        new Random(4).NextBytes(content);
        File.WriteAllBytes(folder.File(name), content);
        return content;
    }

    private static async Task<Nghttpd> NghttpdAsync(TempFolder folder, bool isSecure, params string[] options)
    {
        var port = FreePort.Take();
        var certificate = TestCertificate.SelfSigned("localhost");
        string[] tls = isSecure ? [folder.Write("server.key", certificate.Key), folder.Write("server.pem", certificate.Chain)] : [];
        var process = ChildProcess.Start(Requires.Tool("nghttpd"), [.. isSecure ? Array.Empty<string>() : ["--no-tls"], "-v", "-a", "127.0.0.1", "-d", folder.Path, .. options, $"{port}", .. tls]);
        await process.WaitForLineAsync("listen");
        return new Nghttpd(process, port);
    }

    private sealed record Nghttpd(ChildProcess Process, int Port) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Process.DisposeAsync();
    }
}
