using System.Globalization;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Processes;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>What scanners say of TLS as it is without settings: Mozilla's "intermediate" profile and no weakness.</summary>
public sealed class ScannerTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task Sslscan_finds_versions_and_suites_of_today_alone()
    {
        var sslscan = Requires.Tool("sslscan");
        await using var proxy = await StartAsync();

        var result = await ChildProcess.RunAsync(sslscan, "--no-colour", "--sni-name=localhost", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{proxy.Port}"));

        var output = result.Output;
        foreach (var (version, state) in new[] { ("SSLv2", "disabled"), ("SSLv3", "disabled"), ("TLSv1.0", "disabled"), ("TLSv1.1", "disabled"), ("TLSv1.2", "enabled"), ("TLSv1.3", "enabled") })
        {
            output.Should().MatchRegex($"(?m)^{version} +{state}$");
        }

        output.Should().Contain("Session renegotiation not supported").And.NotContain("Compression enabled").And.Contain("Server supports TLS Fallback SCSV");
        output.Split('\n').Where(static line => line.Contains("heartbleed", StringComparison.Ordinal)).Should().OnlyContain(static line => line.Contains("not vulnerable", StringComparison.Ordinal));
        var suites = output.Split('\n').Where(static line => line.StartsWith("Preferred ", StringComparison.Ordinal) || line.StartsWith("Accepted ", StringComparison.Ordinal)).ToArray();
        suites.Should().HaveCountGreaterThan(6).And.OnlyContain(static line => line.Contains(" TLS_", StringComparison.Ordinal) || line.Contains(" ECDHE-", StringComparison.Ordinal));
        suites.Should().OnlyContain(static line => line.Contains("GCM", StringComparison.Ordinal) || line.Contains("CHACHA20", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Testssl_finds_no_weakness()
    {
        Requires.That(Environment.GetEnvironmentVariable("KPN_LONG_RUNS") == "1", "takes minutes: KPN_LONG_RUNS=1 asks for it");
        var testssl = Requires.Tool("testssl");
        using var folder = new TempFolder();
        await using var proxy = await StartAsync();
        await using var scan = ChildProcess.Start(
            testssl, ["--color", "0", "--quiet", "--warnings", "off", "--severity", "LOW", "--add-ca", folder.Write("ca.pem", _root.Pem), "--jsonfile", folder.File("found.json"), $"localhost:{proxy.Port.ToString(CultureInfo.InvariantCulture)}"]);

        await scan.Exited;

        // A certificate of a test is in no public log and names no revocation service.
        string[] ofTheCertificate = ["cert_", "cert ", "DNS_CAA", "OCSP_", "security_headers", "HSTS", "overall_grade", "grade_cap"];
        using var found = JsonDocument.Parse(await File.ReadAllTextAsync(folder.File("found.json"), TestContext.Current.CancellationToken));
        found.RootElement.EnumerateArray()
            .Where(static item => item.GetProperty("severity").GetString() is "LOW" or "MEDIUM" or "HIGH" or "CRITICAL")
            .Where(item => !ofTheCertificate.Any(part => item.GetProperty("id").GetString()!.StartsWith(part, StringComparison.Ordinal)))
            .Select(static item => $"{item.GetProperty("id")}: {item.GetProperty("finding")}").Should().BeEmpty();
    }

    private Task<TlsProxy> StartAsync()
    {
        var rsa = _root.Issue(new LeafRequest { IsRsa = true, Subject = "CN=localhost" }, "localhost");
        var elliptic = _root.Issue(new LeafRequest { Subject = "CN=localhost" }, "localhost");
        return TlsProxy.StartAsync(Listener(Chain(TlsContext([Certificate(elliptic), Certificate(rsa)]), routes: Says("hello"))));
    }
}
