using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Extensions.TransportSockets.Tls.V3.TlsParameters;
using Protocol = Envoy.Extensions.TransportSockets.Tls.V3.TlsParameters.Types.TlsProtocol;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Turns <c>TlsParameters</c> into settings. What is left out is 1.2 to 1.3 for servers and 1.2 for clients (Envoy documentation, "TlsParameters").</summary>
internal static class TlsParametersTranslator
{
    public static TlsParameters Translate(Proto? message, bool isServer, TranslationProblems problems, ConfigPath path)
    {
        message ??= new Proto();
        var minimum = VersionOf(message.TlsMinimumProtocolVersion, TlsVersion.Tls12, problems, path.Field("tls_minimum_protocol_version"));
        var maximum = VersionOf(message.TlsMaximumProtocolVersion, isServer ? TlsVersion.Tls13 : TlsVersion.Tls12, problems, path.Field("tls_maximum_protocol_version"));
        if (minimum > maximum)
        {
            problems.Add(
                path.Field("tls_minimum_protocol_version"), "TLS 1.3 at least is more than the maximum, which is TLS 1.2",
                message.TlsMaximumProtocolVersion == Protocol.TlsAuto ? "write tls_maximum_protocol_version: TLSv1_3 too (clients stop at TLS 1.2 unless told otherwise)" : "raise tls_maximum_protocol_version");
        }

        return new TlsParameters
        {
            Minimum = minimum,
            Maximum = maximum,
            CipherSuites = new ValueList<string>(TlsNames.SuitesOf(message.CipherSuites, problems, path.Field("cipher_suites"))),
            Groups = new ValueList<string>(TlsNames.GroupsOf(message.EcdhCurves, problems, path.Field("ecdh_curves"))),
            SignatureAlgorithms = new ValueList<string>(TlsNames.SignatureAlgorithmsOf(message.SignatureAlgorithms, problems, path.Field("signature_algorithms"))),
        };
    }

    private static TlsVersion VersionOf(Protocol version, TlsVersion fallback, TranslationProblems problems, ConfigPath path)
    {
        switch (version)
        {
            case Protocol.TlsAuto:
                return fallback;
            case Protocol.Tlsv12:
                return TlsVersion.Tls12;
            case Protocol.Tlsv13:
                return TlsVersion.Tls13;
            default:
                problems.Add(path, "TLS 1.0 and 1.1 are not spoken here: they are broken (RFC 8996)", "write TLSv1_2 or TLSv1_3, or remove it");
                return fallback;
        }
    }
}
