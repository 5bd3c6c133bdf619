using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.StaticConfiguration;

/// <summary>Access logs as Envoy writes them.</summary>
public sealed class AccessLogTests
{
    [Fact]
    public async Task A_file_has_the_default_line_for_each_request()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync("", backend.Port);

        await RawHttpClient.ExchangeAsync(proxy.HttpPort, "GET /a?b=c HTTP/1.1\r\nhost: shop.test\r\nuser-agent: \"mine\"\r\nx-request-id: id-1\r\n\r\n");
        await LinesAsync(proxy, 1);
        await proxy.GetAsync("/direct");
        var lines = await LinesAsync(proxy, 2);

        lines[0].Should().MatchRegex(
            $$"""^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "GET /a\?b=c HTTP/1\.1" 200 - 0 5 \d+ \d+ "-" "(\\"|\\x22)?"?mine(\\"|\\x22)?"?" "[^"]+" "shop\.test" "127\.0\.0\.1:{{backend.Port}}"$""");
        lines[1].Should().MatchRegex("""^\[[^\]]+\] "GET /direct HTTP/1\.1" 418 - 0 3 \d+ - "-" "-" "[^"]+" "localhost" "-"$""");
    }

    [Fact]
    public async Task A_json_format_has_an_object_for_each_request_with_numbers_as_numbers()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(404, "hello"));
        await using var proxy = await StartAsync(
            """, log_format: { json_format: { path: "%REQ(:PATH)%", code: "%RESPONSE_CODE%", flags: "%RESPONSE_FLAGS%", agent: "%REQ(USER-AGENT)%", nested: { cluster: "%UPSTREAM_CLUSTER%" } } }""", backend.Port);

        await RawHttpClient.ExchangeAsync(proxy.HttpPort, "GET /a HTTP/1.1\r\nhost: shop.test\r\nuser-agent: a\"b\\\u00e9\r\n\r\n");
        var line = (await LinesAsync(proxy, 1))[0];

        using var json = JsonDocument.Parse(line);
        json.RootElement.GetProperty("path").GetString().Should().Be("/a");
        json.RootElement.GetProperty("code").GetInt32().Should().Be(404);
        json.RootElement.GetProperty("agent").GetString().Should().StartWith("a\"b\\");
        json.RootElement.GetProperty("nested").GetProperty("cluster").GetString().Should().Be("backend");
    }

    [Fact]
    public async Task Flags_say_why_the_proxy_answered_itself()
    {
        using var refusing = DeadPort.Refusing();
        await using var proxy = await StartAsync(""", log_format: { text_format_source: { inline_string: "%RESPONSE_CODE% %RESPONSE_FLAGS%\n" } }""", refusing.Port);

        await proxy.GetAsync("/refused");
        await proxy.GetAsync("/nowhere-to-go", host: "only.test");

        (await LinesAsync(proxy, 2)).Should().Equal("503 UF", "503 UF");
    }

    [Fact]
    public async Task What_was_logged_before_the_end_is_in_the_file()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(""", log_format: { text_format_source: { inline_string: "%REQ(:PATH)%\n" } }""", backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        for (var i = 0; i < 200; i++)
        {
            await client.SendAsync($"GET /{i} HTTP/1.1\r\nhost: x\r\n\r\n");
            await client.ReadResponseAsync();
        }

        (await proxy.Process.TerminateAsync()).Should().Be(0);

        (await File.ReadAllLinesAsync(proxy.Folder.File("access.log"))).Should().Equal(Enumerable.Range(0, 200).Select(static i => $"/{i}"));
    }

    [Fact]
    public async Task A_file_that_was_rotated_away_is_opened_anew_on_request()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(""", log_format: { text_format_source: { inline_string: "%REQ(:PATH)%\n" } }""", backend.Port);
        await proxy.GetAsync("/one");
        await LinesAsync(proxy, 1);

        File.Move(proxy.Folder.File("access.log"), proxy.Folder.File("access.log.1"));
        (await proxy.AdminPostAsync("/reopen_logs")).Status.Should().Be(200);
        await proxy.GetAsync("/two");

        (await LinesAsync(proxy, 1)).Should().Equal("/two");
        (await File.ReadAllLinesAsync(proxy.Folder.File("access.log.1"))).Should().Equal("/one");
    }

    [Fact]
    public async Task A_filter_in_a_file_decides_what_is_recorded()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(
            """, log_format: { text_format_source: { inline_string: "%PATH(NQ)% %FILTER_CHAIN_NAME% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)%\n" } }""",
            backend.Port,
            """filter: { or_filter: { filters: [ { status_code_filter: { comparison: { op: GE, value: { default_value: 400, runtime_key: none } } } }, { header_filter: { header: { name: x-log, present_match: true } } } ] } }, """);

        await proxy.GetAsync("/fine?a");
        await RawHttpClient.ExchangeAsync(proxy.HttpPort, "GET /wanted?b HTTP/1.1\r\nhost: h\r\nx-log: 1\r\n\r\n");
        await proxy.GetAsync("/direct");

        // Each on a worker of its own, in whatever order they are written.
        (await LinesAsync(proxy, 2)).Should().BeEquivalentTo("/wanted - 127.0.0.0/8", "/direct - 127.0.0.0/8");
    }

    private static Task<StaticProxy> StartAsync(string format, int backendPort, string filter = "") => StaticProxy.StartAsync((folder, http, admin) => Bootstraps.Static(
        admin,
        Bootstraps.Listener(
            "http",
            http,
            """{ match: { path: "/direct" }, direct_response: { status: 418, body: { inline_string: tea } } }, """ + Bootstraps.Route("backend"),
            $$"""access_log: [ { name: envoy.access_loggers.file, {{filter}}typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "{{folder.File("access.log")}}"{{format}} } } ], """),
        Bootstraps.Cluster("backend", backendPort)));

    private static async Task<string[]> LinesAsync(StaticProxy proxy, int count)
    {
        string[] lines = [];
        await Patience.UntilAsync(
            async () => File.Exists(proxy.Folder.File("access.log")) && (lines = await File.ReadAllLinesAsync(proxy.Folder.File("access.log"))).Length >= count,
            $"{count} lines in the log");
        return lines;
    }
}
