using System.Text.RegularExpressions;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>SIGTERM while real clients of HTTP/2 are at work: what a backend has answered, its client has got. Judged by the ledgers of both.</summary>
public sealed partial class TerminationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_request_of_h2load_that_a_backend_answered_has_succeeded(bool isHttp2Backend)
    {
        var h2load = Requires.Tool("h2load");
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var http2 = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { SpeaksHttp2 = isHttp2Backend, Log = "", DrainSeconds = 60 }, isHttp2Backend ? http2.Port : backend.Port);

        // More than it gets to: it ends when it can connect no more.
        await using var load = ChildProcess.Start(h2load, ["-n", "1000000", "-c", "4", "-m", "8", $"http://127.0.0.1:{proxy.Port}/"]);
        await (isHttp2Backend ? http2.WaitForRequestsAsync(200) : (Task)backend.WaitForRequestsAsync(200));

        (await proxy.Process.Process.TerminateAsync()).Should().Be(0);
        (await load.WaitForExitAsync()).Should().Be(0);

        var answered = isHttp2Backend ? http2.Requests.Count : backend.Requests.Count;
        int.Parse(Succeeded().Match(load.Output).Groups["count"].Value, System.Globalization.CultureInfo.InvariantCulture).Should().Be(answered, load.Output);
        load.Output.Should().Contain($"{answered} 2xx, 0 3xx, 0 4xx, 0 5xx");
        proxy.Process.Process.Error.Should().NotContain("are cut");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_download_of_curl_that_is_under_way_comes_whole(bool isHttp2Backend)
    {
        const int Half = 3_000_000;
        var curl = Requires.Tool("curl");
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {2 * Half}\r\n\r\n{new string('a', Half)}");
            await go.WaitAsync(connection.Stopping);
            await connection.SendAsync(new string('b', Half));
        }));
        await using var http2 = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200);
            await stream.SendDataAsync(new string('a', Half));
            await go.WaitAsync(stream.Connection.Stopping);
            await stream.SendDataAsync(new string('b', Half), endStream: true);
        });
        using var folder = new TempFolder();
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { IsSecure = true, SpeaksHttp2 = isHttp2Backend, DrainSeconds = 60 }, isHttp2Backend ? http2.Port : backend.Port);
        await using var download = ChildProcess.Start(
            curl, ["-sSk", "--http2", "-o", folder.File("down"), "-w", "%{http_version} %{http_code} %{size_download}", $"https://127.0.0.1:{proxy.Port}/"]);
        await Patience.UntilAsync(() => File.Exists(folder.File("down")) && new FileInfo(folder.File("down")).Length > 0, "the beginning of the download");

        proxy.Process.Process.Signal(ProcessSignal.Terminate);
        await proxy.Process.Process.WaitForLineAsync("draining");
        go.Set();

        (await download.WaitForExitAsync()).Should().Be(0, download.Error);
        download.Output.Trim().Should().Be($"2 200 {2 * Half}");
        (await proxy.Process.Process.WaitForExitAsync()).Should().Be(0);
        proxy.Process.Process.Error.Should().NotContain("are cut");
    }

    [GeneratedRegex("(?<count>[0-9]+) succeeded", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Succeeded();
}
