using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>The routes of all Ingresses.</summary>
/// <param name="Http">The one route table that they make together for plain HTTP.</param>
/// <param name="Https">What is served over TLS; null when no host is.</param>
/// <param name="Certificates">Every certificate that <paramref name="Https"/> names, ordered by name.</param>
/// <param name="Backends">Every backend that the tables name, ordered by name.</param>
/// <param name="Diagnostics">What the owners of the Ingresses should know.</param>
/// <param name="ValidUntil">When a certificate begins or ceases to be valid next, so that the same objects give other routes; null for never.</param>
internal sealed record IngressRoutes(
    RouteTable Http,
    HttpsRoutes? Https,
    ValueList<ServerCertificate> Certificates,
    ImmutableArray<ResolvedBackend> Backends,
    ImmutableArray<Diagnostic> Diagnostics,
    DateTimeOffset? ValidUntil);

/// <summary>What is served over TLS.</summary>
/// <param name="Table">The routes of every host that clients reach so.</param>
/// <param name="Tls">The certificates of those hosts.</param>
internal sealed record HttpsRoutes(RouteTable Table, TlsTermination Tls);
