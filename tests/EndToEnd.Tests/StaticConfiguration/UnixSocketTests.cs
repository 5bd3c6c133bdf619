using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.StaticConfiguration;

/// <summary>
/// Unix domain sockets as listeners and as endpoints: a listener on a port (<c>front</c>) sends to a cluster whose endpoint is the socket on which another listener
/// of the same process (<c>inner</c>) serves.
/// </summary>
public sealed class UnixSocketTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly int _adminPort = FreePort.Take();
    private readonly int _port = FreePort.Take();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Requests_come_and_go_over_a_socket_that_people_see_by_its_path(bool isAbstract, bool isHttp2)
    {
        var curl = Requires.Tool("curl");
        var path = isAbstract ? $"@kpn-{Guid.NewGuid():N}" : _folder.File("inner.sock");
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Start(path, backend.Port, isHttp2);
        await proxy.WaitForHttpAsync(_adminPort);

        (await RawHttpClient.GetAsync(_port, "/through")).Status.Should().Be(200);
        var asked = await ChildProcess.RunAsync(
            curl, "-sS", isAbstract ? "--abstract-unix-socket" : "--unix-socket", path.TrimStart('@'), "-o", "/dev/null", "-w", "%{http_code}", "http://a.test/direct");

        asked.Output.Trim().Should().Be("200", asked.Error);
        (await AdminAsync("/clusters")).Should().Contain($"local::{path}::cx_active");
        (await AdminAsync("/listeners")).Should().Contain($"inner::{path}\n");
        (await AdminAsync("/listeners?format=json")).Should().Contain($"\"path\": \"{path}\"");
        (await AdminAsync($"/explain?url=http://a.test/&listener=front")).Should().Contain(path);
        await Patience.UntilAsync(
            async () => (await AdminAsync("/stats")).Split('\n').Any(static line => line.StartsWith("cluster.local.health_check.success: ", StringComparison.Ordinal) && line[^1] != '0'),
            "a passed health check");
        await Patience.UntilAsync(() => Log().Contains("/direct", StringComparison.Ordinal) && Log().Contains("front", StringComparison.Ordinal), "the lines of the log");
        Log().Should().Contain($"front {path} {path} - ").And.Contain($"/direct {path} {path} -");
        if (!isAbstract)
        {
            (await ChildProcess.RunAsync("stat", "-c", "%a", path)).Output.Trim().Should().Be("600");
        }

        (await proxy.TerminateAsync()).Should().Be(0);
        File.Exists(path).Should().BeFalse("what is not listened on any more is removed");
    }

    [Fact]
    public async Task What_a_killed_process_left_is_taken_and_what_a_process_listens_on_is_not()
    {
        var path = _folder.File("inner.sock");
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using (var first = Start(path, backend.Port))
        {
            await first.WaitForHttpAsync(_adminPort);
            await first.KillAsync();
        }

        File.Exists(path).Should().BeTrue();
        await using var second = Start(path, backend.Port);
        await second.WaitForHttpAsync(_adminPort);
        var third = await ChildProcess.RunKpnAsync("proxy", "-c", _folder.Write("third.yaml", Bootstrap(path, backend.Port, isHttp2: false, FreePort.Take(), FreePort.Take())), "--drain-time-s", "1");

        third.ExitCode.Should().NotBe(0);
        (third.Output + third.Error).Should().Contain($"cannot listen on {path}: it is in use by another process");
        (await RawHttpClient.GetAsync(_port, "/still")).Status.Should().Be(200);
    }

    [Theory]
    [InlineData("STATIC", "pipe: { path: '@a', mode: 420 }", "a socket of the abstract namespace has no mode")]
    [InlineData("STRICT_DNS", "pipe: { path: /run/a.sock }", "a Unix domain socket has no name to resolve; use a STATIC or EDS cluster")]
    [InlineData("STATIC", "pipe: { path: /run/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345 }", "is longer than the 107 bytes of a Unix domain socket")]
    public async Task What_cannot_be_is_refused(string type, string address, string reason)
    {
        var cluster = $$"""{ name: a, type: {{type}}, load_assignment: { cluster_name: a, endpoints: [ { lb_endpoints: [ { endpoint: { address: { {{address}} } } } ] } ] } }""";

        var result = await ChildProcess.RunKpnAsync("validate", _folder.Write("bad.yaml", Bootstraps.Static(_adminPort, "", cluster)));

        result.ExitCode.Should().NotBe(0);
        (result.Output + result.Error).Should().Contain(reason);
    }

    [Fact]
    public async Task The_admin_page_has_no_such_address()
    {
        var text = Bootstraps.Static(_adminPort, "", "").Replace($"socket_address: {{ address: 127.0.0.1, port_value: {_adminPort} }}", "pipe: { path: /run/a.sock }", StringComparison.Ordinal);

        var result = await ChildProcess.RunKpnAsync("validate", _folder.Write("bad.yaml", text));

        result.ExitCode.Should().NotBe(0);
        (result.Output + result.Error).Should().Contain("the admin page is not served on a Unix domain socket");
    }

    private string Log()
    {
        using var file = new FileStream(_folder.File("access.log"), FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    private async Task<string> AdminAsync(string page) => (await RawHttpClient.GetAsync(_adminPort, page)).BodyText;

    private ChildProcess Start(string path, int backend, bool isHttp2 = false) =>
        ChildProcess.StartKpn("proxy", "-c", _folder.Write("envoy.yaml", Bootstrap(path, backend, isHttp2, _adminPort, _port)), "--drain-time-s", "1", "--concurrency", "2");

    private string Bootstrap(string path, int backend, bool isHttp2, int adminPort, int port)
    {
        string Log(string format) => $$"""access_log: [ { name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {{_folder.File("access.log")}}, log_format: { text_format_source: { inline_string: "{{format}}\n" } } } } ],""";
        var front = Bootstraps.Listener("front", port, Bootstraps.Route("local"), Log("front %UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT% %REQ(:PATH)%"));
        var inner = Bootstraps.Listener("inner", 1, Bootstraps.Route("backend"), Log("inner %REQ(:PATH)% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_PORT%"))
            .Replace("socket_address: { address: 127.0.0.1, port_value: 1 }", $"pipe: {{ path: '{path}'{(path[0] == '@' ? "" : ", mode: 384")} }}", StringComparison.Ordinal);
        var http2 = isHttp2
            ? """, typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }"""
            : "";
        var local = $$"""{ name: local, type: STATIC, load_assignment: { cluster_name: local, endpoints: [ { lb_endpoints: [ { endpoint: { address: { pipe: { path: '{{path}}' } } } } ] } ] }, health_checks: [ { timeout: 5s, interval: 0.2s, no_traffic_interval: 0.2s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: { path: /check{{(isHttp2 ? ", codec_client_type: HTTP2" : "")}} } } ]{{http2}} }""";
        return Bootstraps.Static(adminPort, $"{front}, {inner}", $"{local}, {Bootstraps.Cluster("backend", backend)}");
    }
}
