using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>A whole proxy, configured by its bootstrap, whose listener "tls" ends TLS.</summary>
internal sealed class TlsProxy : IAsyncDisposable
{
    private const string FailureLine = "TLS handshake failed: ";

    private readonly Loggers _loggers = new();
    private ProxyServer _server = null!;

    private TlsProxy()
    {
    }

    public int Port => PortOf("tls");

    public int AdminPort => _server.AdminAddress!.Port;

    /// <summary>Lines of the log.</summary>
    public IReadOnlyCollection<string> Log => _loggers.Lines.Lines;

    /// <summary>Starts with these listeners.</summary>
    /// <param name="listeners">Listeners, separated by commas: see <see cref="TlsText"/>.</param>
    /// <param name="backendPort">Where the cluster "backend" leads.</param>
    public static Task<TlsProxy> StartAsync(string listeners, int backendPort = 1, int workers = 1, TimeProvider? time = null) => StartYamlAsync(
        $$"""
        admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
        static_resources: {listeners: [{{listeners}}], clusters: [{{TlsText.Cluster(backendPort)}}]}
        """,
        workers,
        time);

    /// <summary>Starts with a bootstrap.</summary>
    public static async Task<TlsProxy> StartYamlAsync(string yaml, int workers = 1, TimeProvider? time = null)
    {
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        var proxy = new TlsProxy();
        proxy._server = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = workers, DrainTime = TimeSpan.FromSeconds(10) }, proxy._loggers, time);
        await proxy._server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        return proxy;
    }

    /// <summary>What a client says who trusts everybody.</summary>
    public static SslClientAuthenticationOptions Options(string name = "localhost", TestCertificate? certificate = null, SslProtocols protocols = SslProtocols.None) => new()
    {
        TargetHost = name,
        EnabledSslProtocols = protocols,
        AllowTlsResume = false,
        RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
        ClientCertificateContext = certificate is null ? null : ContextOf(certificate),
    };

    public int PortOf(string listener) => _server.ListenerAddress(listener)!.Port;

    public Task<RawHttpClient> ConnectAsync(string name = "localhost", TestCertificate? certificate = null, SslProtocols protocols = SslProtocols.None) =>
        RawHttpClient.ConnectTlsAsync(Port, Options(name, certificate, protocols));

    /// <summary>A request on a connection of its own.</summary>
    public async Task<RawResponse> GetAsync(string name = "localhost", TestCertificate? certificate = null, string? host = null, SslProtocols protocols = SslProtocols.None)
    {
        await using var client = await ConnectAsync(name, certificate, protocols);
        await client.SendAsync($"GET / HTTP/1.1\r\nhost: {host ?? name}\r\n\r\n");
        return await client.ReadResponseAsync();
    }

    /// <summary>A request that must not be answered, because the handshake fails on either side.</summary>
    public async Task RefusedAsync(string name = "localhost", TestCertificate? certificate = null, SslProtocols protocols = SslProtocols.None)
    {
        var attempt = () => GetAsync(name, certificate, protocols: protocols);
        (await attempt.Should().ThrowAsync<Exception>()).Which.Should().Match(static error => error is AuthenticationException || error is IOException || error is RawFramingException);
    }

    /// <summary>A counter of the listener by the end of its name, such as <c>fail_verify_san</c>.</summary>
    public Task<long> SslAsync(string name) => StatAsync($"listener.tls.ssl.{name}");

    public async Task<long> StatAsync(string name)
    {
        var page = (await RawHttpClient.GetAsync(AdminPort, "/stats")).BodyText;
        return page.Split('\n').Select(static line => line.Split(": ")).Where(parts => parts[0] == name).Select(static parts => long.Parse(parts[1], CultureInfo.InvariantCulture)).SingleOrDefault(-1);
    }

    /// <summary>The record of the failed handshake of that number, once it is written.</summary>
    public async Task<JsonElement> FailureAsync(int number = 1)
    {
        await Patience.UntilAsync(() => Failures().Length >= number, $"record {number} of a failed handshake");
        return Failures()[number - 1];
    }

    /// <summary>The records of failed handshakes so far.</summary>
    public JsonElement[] Failures() =>
    [
        .. Log.Where(static line => line.Contains(FailureLine, StringComparison.Ordinal))
            .Select(static line => JsonElement.Parse(line[(line.IndexOf(FailureLine, StringComparison.Ordinal) + FailureLine.Length)..])),
    ];

    public Task DrainAsync() => _server.DrainAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Log.Should().NotContain(static line => line.StartsWith("Error") || line.StartsWith("Critical"));
    }

    private static SslStreamCertificateContext ContextOf(TestCertificate certificate)
    {
        using var pair = X509Certificate2.CreateFromPem(certificate.Pem, certificate.Key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificate.Chain);
        chain.RemoveAt(0);
        return SslStreamCertificateContext.Create(X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pfx), null), chain, offline: true);
    }

    private sealed class Loggers : ILoggerFactory
    {
        public LogLines Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => Lines;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
