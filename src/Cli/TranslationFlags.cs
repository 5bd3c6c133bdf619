using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Translation;

namespace KubeProxyNet.Cli;

/// <summary>The options of every command that translates manifests for proxies that serve traffic.</summary>
internal sealed class TranslationFlags
{
    private const int HttpPort = 8080;
    private const int HttpsPort = 8443;

    private readonly Option<string> _httpAddress = new Option<string>("--http-address") { Description = "address that the proxies listen on", DefaultValueFactory = static _ => "0.0.0.0" }.AsAddress();
    private readonly Option<int> _httpPort = new Option<int>("--http-port") { Description = "port that the proxies serve HTTP on", DefaultValueFactory = static _ => HttpPort }.AsPort();
    private readonly Option<int> _httpsPort = new Option<int>("--https-port") { Description = "port that the proxies serve HTTPS on, where a host has a certificate", DefaultValueFactory = static _ => HttpsPort }.AsPort();
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
            if (PortOf(result, _httpPort, HttpPort) is { } port and > 0 && port == PortOf(result, _httpsPort, HttpsPort))
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

    /// <summary>The port as it was given or else by default; null where what was given is no number, which the parser reports.</summary>
    private static int? PortOf(CommandResult command, Option<int> option, int otherwise) =>
        command.GetResult(option) is not { Tokens.Count: > 0 } result ? otherwise
        : int.TryParse(result.Tokens[0].Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var port) ? port
        : null;

    private static ObjectName ObjectNameOf(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return new ObjectName(text[..slash], text[(slash + 1)..]);
    }
}
