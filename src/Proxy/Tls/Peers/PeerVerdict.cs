namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>What is wrong with a peer's certificate: each kind has its counter, by Envoy's names.</summary>
internal enum PeerFault : byte
{
    None,

    /// <summary>No chain to what is trusted, out of its time, revoked, not for this purpose… (<c>fail_verify_error</c>).</summary>
    Chain,

    /// <summary>None of its names is as demanded (<c>fail_verify_san</c>).</summary>
    Name,

    /// <summary>It is none of those that are pinned (<c>fail_verify_cert_hash</c>).</summary>
    Pin,
}

/// <summary>What became of the peer's certificate.</summary>
/// <param name="Fault">What is wrong with it.</param>
/// <param name="Reason">The same in words; empty for nothing.</param>
/// <param name="Depth">Which certificate of the chain: 0 is the peer's own.</param>
/// <param name="IsAccepted">True where the connection goes on: nothing is wrong, or what is wrong is allowed.</param>
/// <param name="Chain">What the peer presented, its own first; only where something is wrong.</param>
internal sealed record PeerVerdict(PeerFault Fault, string Reason, int Depth, bool IsAccepted, IReadOnlyList<PeerCertificate> Chain)
{
    /// <summary>Nothing is wrong.</summary>
    public static PeerVerdict Trusted { get; } = new(PeerFault.None, "", 0, IsAccepted: true, []);
}
