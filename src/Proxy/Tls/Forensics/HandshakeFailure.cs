using KubeProxyNet.Proxy.Tls.Peers;

namespace KubeProxyNet.Proxy.Tls.Forensics;

/// <summary>A handshake that failed, with everything that the two sides wanted of each other.</summary>
internal sealed record HandshakeFailure
{
    /// <summary><c>downstream</c> where a client came to us, <c>upstream</c> where we went to an endpoint.</summary>
    public required string Side { get; init; }

    /// <summary>The resource that set what was demanded: <c>listener "ingress", filter chain "web"</c> or <c>cluster "shop"</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>Address and port of the peer.</summary>
    public required string Peer { get; init; }

    /// <summary>Why, in words.</summary>
    public required string Reason { get; init; }

    /// <summary>What usually mends it; empty where there is no advice.</summary>
    public string Remedy { get; init; } = "";

    /// <summary>The server name that was asked for; empty for none.</summary>
    public string ServerName { get; init; } = "";

    /// <summary>The protocols that the client offered by ALPN.</summary>
    public IReadOnlyList<string> OfferedProtocols { get; init; } = [];

    /// <summary>The versions that the client offered.</summary>
    public IReadOnlyList<string> OfferedVersions { get; init; } = [];

    /// <summary>The names that one of the peer's had to match.</summary>
    public IReadOnlyList<string> ExpectedNames { get; init; } = [];

    /// <summary>Where the authorities come from that had to vouch for the peer; empty where none had to.</summary>
    public string TrustBundle { get; init; } = "";

    /// <summary>What the peer presented, its own certificate first.</summary>
    public IReadOnlyList<PeerCertificate> Presented { get; init; } = [];

    /// <summary>Which of them is at fault.</summary>
    public int Depth { get; init; }
}
