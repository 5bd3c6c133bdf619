using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tls.Peers;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>The counters of one side's TLS under Envoy's names (Envoy documentation, "TLS statistics").</summary>
internal sealed class TlsStats
{
    private readonly Counter[] _versions;
    private readonly Dictionary<string, Counter> _ciphers;
    private readonly Dictionary<string, Counter> _groups;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="prefix">What they belong to with a dot behind it: <c>listener.ADDRESS.</c> or <c>cluster.NAME.</c>.</param>
    public TlsStats(StatRegistry registry, string prefix)
    {
        prefix += "ssl.";
        Handshake = registry.Counter(prefix + "handshake");
        SessionReused = registry.Counter(prefix + "session_reused");
        ConnectionError = registry.Counter(prefix + "connection_error");
        NoCertificate = registry.Counter(prefix + "no_certificate");
        FailVerifyNoCertificate = registry.Counter(prefix + "fail_verify_no_cert");
        FailVerifyError = registry.Counter(prefix + "fail_verify_error");
        FailVerifyName = registry.Counter(prefix + "fail_verify_san");
        FailVerifyHash = registry.Counter(prefix + "fail_verify_cert_hash");
        StapleRequests = registry.Counter(prefix + "ocsp_staple_requests");
        StapleResponses = registry.Counter(prefix + "ocsp_staple_responses");
        StapleOmitted = registry.Counter(prefix + "ocsp_staple_omitted");
        StapleFailed = registry.Counter(prefix + "ocsp_staple_failed");
        _versions = [registry.Counter(prefix + "versions.TLSv1.2"), registry.Counter(prefix + "versions.TLSv1.3")];
        string[] ciphers = [.. TlsDefaults.Tls13CipherSuites, .. TlsDefaults.CipherSuites];
        _ciphers = ciphers.ToDictionary(static name => name, name => registry.Counter($"{prefix}ciphers.{name}"), StringComparer.Ordinal);
        _groups = KeyExchangeGroups.All.ToDictionary(static name => name, name => registry.Counter($"{prefix}curves.{name}"), StringComparer.Ordinal);
    }

    /// <summary>Handshakes that went well.</summary>
    public Counter Handshake { get; }

    /// <summary>Of these, those that continued a session.</summary>
    public Counter SessionReused { get; }

    /// <summary>Handshakes that failed for another reason than the peer's certificate.</summary>
    public Counter ConnectionError { get; }

    /// <summary>Handshakes that went well without a certificate of the peer.</summary>
    public Counter NoCertificate { get; }

    /// <summary>Failures for want of a certificate, and for what is wrong with it.</summary>
    public Counter FailVerifyNoCertificate { get; }

    /// <inheritdoc cref="FailVerifyNoCertificate"/>
    public Counter FailVerifyError { get; }

    /// <inheritdoc cref="FailVerifyNoCertificate"/>
    public Counter FailVerifyName { get; }

    /// <inheritdoc cref="FailVerifyNoCertificate"/>
    public Counter FailVerifyHash { get; }

    /// <summary>Handshakes whose client asked for an OCSP response; those that got one, went on without, and failed for want of one.</summary>
    public Counter StapleRequests { get; }

    /// <inheritdoc cref="StapleRequests"/>
    public Counter StapleResponses { get; }

    /// <inheritdoc cref="StapleRequests"/>
    public Counter StapleOmitted { get; }

    /// <inheritdoc cref="StapleRequests"/>
    public Counter StapleFailed { get; }

    /// <summary>Counts how a handshake ended. Interruptions of our own making count nowhere.</summary>
    public void Count(StatPage page, TlsSocket socket, HandshakeResult result)
    {
        if (socket.Staple != StapleOutcome.NotAsked)
        {
            page.Increment(StapleRequests);
            page.Increment(socket.Staple switch { StapleOutcome.Stapled => StapleResponses, StapleOutcome.Omitted => StapleOmitted, _ => StapleFailed });
        }

        if (result == HandshakeResult.Done)
        {
            CountDone(page, socket);
        }
        else if (result != HandshakeResult.Interrupted)
        {
            page.Increment(socket.Verdict is { IsAccepted: false } refused ? CounterOf(refused.Fault)
                : socket.Failure.Contains("peer did not return a certificate", StringComparison.Ordinal) ? FailVerifyNoCertificate : ConnectionError);
        }
    }

    private void CountDone(StatPage page, TlsSocket socket)
    {
        page.Increment(Handshake);
        if (socket.IsResumed)
        {
            page.Increment(SessionReused);
        }

        if (!socket.HasPeerCertificate)
        {
            page.Increment(NoCertificate);
        }

        page.Increment(_versions[socket.IsTls13 ? 1 : 0]);
        if (_ciphers.TryGetValue(socket.Cipher, out var cipher))
        {
            page.Increment(cipher);
        }

        if (_groups.TryGetValue(socket.Group, out var group))
        {
            page.Increment(group);
        }
    }

    private Counter CounterOf(PeerFault fault) => fault switch
    {
        PeerFault.Name => FailVerifyName,
        PeerFault.Pin => FailVerifyHash,
        _ => FailVerifyError,
    };
}
