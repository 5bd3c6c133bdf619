using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>A line in the default format for requests that really ran.</summary>
public sealed class AccessLogLineTests
{
    private const string Time = @"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\]";
    private const string Id = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

    [Fact]
    public async Task A_forwarded_request()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));

        var line = await LineAsync(backend.Port, "POST /p?q HTTP/1.1\r\nhost: h\r\nuser-agent: u\r\ncontent-length: 3\r\n\r\nabc");

        line.Should().MatchRegex($"""^{Time} "POST /p\?q HTTP/1\.1" 200 - 3 5 \d+ \d+ "127\.0\.0\.1" "u" "{Id}" "h" "127\.0\.0\.1:{backend.Port}"$""");
    }

    [Fact]
    public async Task A_failed_one()
    {
        using var dead = DeadPort.Refusing();

        var line = await LineAsync(dead.Port, "GET / HTTP/1.1\r\nhost: h\r\n\r\n");

        line.Should().MatchRegex($"""^{Time} "GET / HTTP/1\.1" 503 UF 0 98 \d+ - "127\.0\.0\.1" "-" "{Id}" "h" "127\.0\.0\.1:{dead.Port}"$""");
    }

    [Fact]
    public async Task A_refused_one()
    {
        var line = await LineAsync(0, "GET / HTTP/1.1\r\nhost: a b\r\n\r\n");

        line.Should().MatchRegex($"""^{Time} ".+" 400 DPE 0 \d+ \d+ - ".+" "-" "-" ".+" "-"$""");
    }

    private static async Task<string> LineAsync(int port, string request)
    {
        using var folder = new TempFolder();
        var path = folder.File("default.log");
        await using (var proxy = RunningProxy.To(port, http => http with { AccessLogs = [new AccessLogConfig(path, AccessLogFormat.Default)] }))
        {
            await RawHttpClient.ExchangeAsync(proxy.Port, request);
        }

        return (await File.ReadAllLinesAsync(path)).Should().ContainSingle().Which;
    }
}
