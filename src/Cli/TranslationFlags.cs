using System.CommandLine;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Translation;

namespace KubeProxyNet.Cli;

/// <summary>The options of every command that translates manifests for proxies that serve traffic.</summary>
internal sealed class TranslationFlags
{
    private readonly Option<string> _httpAddress = new Option<string>("--http-address") { Description = "address that the proxies listen on", DefaultValueFactory = static _ => "0.0.0.0" }.AsAddress();
    private readonly Option<int> _httpPort = new Option<int>("--http-port") { Description = "port that the proxies serve HTTP on", DefaultValueFactory = static _ => 8080 }.AsPort();
    private readonly Option<int> _httpsPort = new Option<int>("--https-port") { Description = "port that the proxies serve HTTPS on, where a host has a certificate", DefaultValueFactory = static _ => 8443 }.AsPort();
    private readonly Option<int?> _redirectPort = new Option<int?>("--https-redirect-port") { Description = "port that clients reach HTTPS on; that of --https-port unless given" }.AsPortOfUrl();
    private readonly Option<string?> _defaultSecret = new Option<string?>("--default-tls-secret") { Description = "NAMESPACE/NAME of the Secret for hosts without a certificate of their own" }.AsObjectName();
    private readonly Option<bool> _accessLog = new("--access-log") { Description = "have the proxies log each request to standard output" };

    public void AddTo(Command command)
    {
        command.Add(_httpAddress);
        command.Add(_httpPort);
        command.Add(_httpsPort);
        command.Add(_redirectPort);
        command.Add(_defaultSecret);
        command.Add(_accessLog);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_httpPort) is var port and > 0 && port == result.GetValue(_httpsPort))
            {
                result.AddError($"{_httpPort.Name} and {_httpsPort.Name} are both {port}; give each a port of its own");
            }
        });
    }

    public TranslationOptions Read(ParseResult parsed) => new()
    {
        HttpAddress = parsed.GetValue(_httpAddress)!,
        HttpPort = parsed.GetValue(_httpPort),
        HttpsPort = parsed.GetValue(_httpsPort),
        HttpsRedirectPort = parsed.GetValue(_redirectPort),
        DefaultTlsSecret = parsed.GetValue(_defaultSecret) is { } name ? ObjectNameOf(name) : null,
        AccessLog = parsed.GetValue(_accessLog),
    };

    private static ObjectName ObjectNameOf(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return new ObjectName(text[..slash], text[(slash + 1)..]);
    }
}
