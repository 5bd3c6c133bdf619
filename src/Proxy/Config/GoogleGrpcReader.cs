using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Xds.Validation;
using GoogleGrpc = Envoy.Config.Core.V3.GrpcService.Types.GoogleGrpc;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads a gRPC service that is given by its address (<c>google_grpc</c>), with gRPC's forms of names and Envoy's forms of credentials.</summary>
internal static class GoogleGrpcReader
{
    /// <summary>Where it is and how it is spoken to; null after a problem.</summary>
    /// <param name="message">The service.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it stands.</param>
    /// <param name="time">The clock that certificates are held against.</param>
    public static DiscoveryTarget? Read(GoogleGrpc message, TranslationProblems problems, ConfigPath path, TimeProvider time)
    {
        var before = problems.Found.Count;
        if (AddressesOf(message.TargetUri) is not { } addresses)
        {
            problems.Add(path.Field("target_uri"), $"\"{message.TargetUri}\" is no address that can be asked", "write HOST:PORT, dns:///HOST:PORT, ipv4:ADDRESS:PORT, ipv6:[ADDRESS]:PORT, unix:PATH or unix-abstract:NAME");
            return null;
        }

        var isLocal = DiscoveryTarget.IsSocket(addresses[0]);
        var credentials = message.ChannelCredentials;
        if (credentials is { CredentialSpecifierCase: GoogleGrpc.Types.ChannelCredentials.CredentialSpecifierOneofCase.LocalCredentials } && !isLocal)
        {
            problems.Add(path.Field("channel_credentials").Field("local_credentials"), "are for a Unix domain socket", "use ssl_credentials, or a target_uri of unix:PATH");
        }

        var tls = credentials?.SslCredentials is { } ssl
            ? ControlPlaneTls.Of(ClusterOf(ssl, isLocal ? "localhost" : HostOf(addresses[0])), problems, path.Field("channel_credentials").Field("ssl_credentials"), time)
            : null;
        var token = TokenOf(message, isSecure: credentials is not null, problems, path.Field("call_credentials"));
        return problems.Found.Count > before ? null : new DiscoveryTarget(addresses, DiscoveryTarget.DefaultConnectTimeout) { Tls = tls, AccessToken = token };
    }

    /// <summary>The addresses of a gRPC name (gRPC, "Name resolution"); null for what is none.</summary>
    internal static string[]? AddressesOf(string target)
    {
        var colon = target.IndexOf(':', StringComparison.Ordinal);
        var (scheme, rest) = colon < 0 ? ("", target) : (target[..colon], target[(colon + 1)..]);
        switch (scheme)
        {
            case "unix":
                rest = rest.StartsWith("//", StringComparison.Ordinal) ? rest[2..] : rest;
                return IsPath(rest) ? [DiscoveryTarget.OfSocket(rest)] : null;
            case "unix-abstract":
                return IsPath("@" + rest) && rest.Length > 0 ? [DiscoveryTarget.OfSocket("@" + rest)] : null;
            case "ipv4" or "ipv6":
                var all = rest.Split(',').Select(WithPort).OfType<string>().ToArray();
                return all.Length == rest.Count(static letter => letter == ',') + 1 && all.All(address => IPAddress.TryParse(HostOf(address), out var ip)
                    && (ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork) == (scheme == "ipv4")) ? all : null;
            case "dns":
                // The server of "dns://SERVER/NAME" would be another than that of the system.
                rest = rest.StartsWith("///", StringComparison.Ordinal) ? rest[3..] : rest;
                return WithPort(rest) is { } name ? [name] : null;
            default:
                return WithPort(target) is { } plain ? [plain] : null;
        }
    }

    /// <summary>The host of <c>HOST:PORT</c> or <c>[HOST]:PORT</c>.</summary>
    private static string HostOf(string address) => address[..address.LastIndexOf(':')].Trim('[', ']');

    private static bool IsPath(string path) =>
        path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal) && System.Text.Encoding.UTF8.GetByteCount(path) <= Transport.SocketEndpoint.MaxPathLength;

    /// <summary>With port 443 where there is none, as gRPC has it; null for no address.</summary>
    private static string? WithPort(string text)
    {
        // An IPv6 address without brackets has colons of its own, and no port.
        if (IPAddress.TryParse(text, out var ip) && ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && !text.EndsWith(']'))
        {
            text = !text.StartsWith('[') ? $"[{text}]" : text;
        }

        return !text.Contains('/', StringComparison.Ordinal) && Uri.TryCreate("https://" + text, UriKind.Absolute, out var uri)
            && uri is { Host.Length: > 0, UserInfo.Length: 0, AbsolutePath: "/", Query.Length: 0, Fragment.Length: 0 }
                ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{uri.Host}:{uri.Port}")
                : null;
    }

    /// <summary>The same as a cluster says it: one way to speak TLS to a control plane is enough.</summary>
    private static Cluster ClusterOf(GoogleGrpc.Types.SslCredentials ssl, string host)
    {
        var validation = ssl.RootCerts is { } roots
            ? new CertificateValidationContext { TrustedCa = roots }
            : new CertificateValidationContext { SystemRootCerts = new CertificateValidationContext.Types.SystemRootCerts() };
        var common = new CommonTlsContext { ValidationContext = validation };
        if (ssl.PrivateKey is not null || ssl.CertChain is not null)
        {
            common.TlsCertificates.Add(new TlsCertificate { CertificateChain = ssl.CertChain, PrivateKey = ssl.PrivateKey });
        }

        return new Cluster
        {
            Name = host,
            TransportSocket = new TransportSocket
            {
                Name = "envoy.transport_sockets.tls",
                TypedConfig = Any.Pack(new UpstreamTlsContext { Sni = host, AutoSniSanValidation = true, CommonTlsContext = common }),
            },
        };
    }

    private static string TokenOf(GoogleGrpc message, bool isSecure, TranslationProblems problems, ConfigPath path)
    {
        if (message.CallCredentials.Count > 1)
        {
            problems.Add(path, $"there are {message.CallCredentials.Count} of them", "give one");
        }
        else if (message.CallCredentials is [{ AccessToken: var token }])
        {
            if (token.Length == 0 || !token.All(static letter => letter is > ' ' and <= '~'))
            {
                problems.Add(path.Index(0).Field("access_token"), "is empty or holds what no header can", "write the token alone");
            }
            else if (!isSecure)
            {
                // gRPC gives no token to a connection that anybody may read.
                problems.Add(path.Index(0).Field("access_token"), "would be sent in plain text", "add channel_credentials");
            }

            return token;
        }

        return "";
    }
}
