namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>The operators that tell of TLS, on either side. Without TLS, or without a certificate, they have no value.</summary>
internal static class TlsOperators
{
    private static readonly (string Name, TlsFact Fact)[] Both =
    [
        ("TLS_VERSION", TlsFact.Version),
        ("TLS_CIPHER", TlsFact.Cipher),
        ("TLS_GROUP", TlsFact.Group),
        ("PEER_SUBJECT", TlsFact.PeerSubject),
        ("PEER_ISSUER", TlsFact.PeerIssuer),
        ("PEER_CERT", TlsFact.PeerCertificate),
        ("PEER_DNS_SAN", TlsFact.PeerDnsNames),
        ("PEER_URI_SAN", TlsFact.PeerUriNames),
        ("PEER_IP_SAN", TlsFact.PeerIpNames),
        ("LOCAL_DNS_SAN", TlsFact.LocalDnsNames),
        ("LOCAL_URI_SAN", TlsFact.LocalUriNames),
        ("LOCAL_IP_SAN", TlsFact.LocalIpNames),
    ];

    private static readonly (string Name, TlsFact Fact)[] DownstreamOnly =
    [
        ("PEER_SERIAL", TlsFact.PeerSerial),
        ("PEER_FINGERPRINT_1", TlsFact.PeerFingerprint1),
        ("PEER_FINGERPRINT_256", TlsFact.PeerFingerprint256),
        ("PEER_EMAIL_SAN", TlsFact.PeerEmailNames),
        ("PEER_OTHERNAME_SAN", TlsFact.PeerOtherNames),
        ("PEER_CHAIN_FINGERPRINTS_1", TlsFact.PeerChainFingerprints1),
        ("PEER_CHAIN_FINGERPRINTS_256", TlsFact.PeerChainFingerprints256),
        ("PEER_CHAIN_SERIALS", TlsFact.PeerChainSerials),
        ("PEER_ISSUER_FINGERPRINT_256", TlsFact.PeerIssuerFingerprint256),
        ("PEER_ISSUER_SERIAL", TlsFact.PeerIssuerSerial),
        ("LOCAL_SUBJECT", TlsFact.LocalSubject),
        ("LOCAL_EMAIL_SAN", TlsFact.LocalEmailNames),
        ("LOCAL_OTHERNAME_SAN", TlsFact.LocalOtherNames),
    ];

    internal static IEnumerable<KeyValuePair<string, OperatorFactory>> All =>
    [
        .. Both.Concat(DownstreamOnly).Select(static item => Fact("DOWNSTREAM_" + item.Name, item.Fact, isUpstream: false)),
        .. Both.Append(("SERVER_NAME", TlsFact.ServerName)).Select(static item => Fact("UPSTREAM_" + item.Item1, item.Item2, isUpstream: true)),
        Date("DOWNSTREAM_PEER_CERT_V_START", isUpstream: false, isEnd: false),
        Date("DOWNSTREAM_PEER_CERT_V_END", isUpstream: false, isEnd: true),
        Date("UPSTREAM_PEER_CERT_V_START", isUpstream: true, isEnd: false),
        Date("UPSTREAM_PEER_CERT_V_END", isUpstream: true, isEnd: true),
    ];

    private static KeyValuePair<string, OperatorFactory> Fact(string name, TlsFact fact, bool isUpstream) =>
        new(name, AccessLogOperators.Plain(() => new FactOperator(fact, isUpstream)));

    private static KeyValuePair<string, OperatorFactory> Date(string name, bool isUpstream, bool isEnd) => new(name, command =>
        new DateOperator(TimeFormat.Parse(string.IsNullOrEmpty(command.Argument) ? "%b %e %H:%M:%S %Y %Z" : command.Argument, command.Position), isUpstream, isEnd));

    private static AccessLogNeeds NeedsOf(bool isUpstream) => isUpstream ? AccessLogNeeds.UpstreamTls : AccessLogNeeds.None;

    private sealed class FactOperator(TlsFact fact, bool isUpstream) : AccessLogOperator
    {
        internal override AccessLogNeeds Needs => NeedsOf(isUpstream);

        internal override bool Write(IAccessLogSource source, ref FormatSink sink)
        {
            if (source.TlsText(fact, isUpstream) is not { Length: > 0 } text)
            {
                return false;
            }

            sink.Value(System.Text.Encoding.UTF8.GetBytes(text));
            return true;
        }
    }

    /// <summary>The first or the last moment of the peer's certificate.</summary>
    private sealed class DateOperator(TimeFormat format, bool isUpstream, bool isEnd) : AccessLogOperator
    {
        internal override AccessLogNeeds Needs => NeedsOf(isUpstream);

        internal override bool Write(IAccessLogSource source, ref FormatSink sink)
        {
            if (source.PeerCertificateDate(isUpstream, isEnd) is not { } moment)
            {
                return false;
            }

            format.Write(moment, ref sink);
            return true;
        }
    }
}
