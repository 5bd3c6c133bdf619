using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>
/// Holds a request back until its whole body is here, so that a slow client occupies no upstream connection; refuses longer bodies with 413. Envoy's
/// <c>envoy.filters.http.buffer</c>.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="MaxRequestBytes">Longest body in bytes.</param>
public sealed record BufferFilterConfig(string Name, int MaxRequestBytes) : HttpFilterConfig(Name);

/// <summary>What a route says of the buffer filter: Envoy's <c>BufferPerRoute</c>.</summary>
/// <param name="MaxRequestBytes">Longest body in bytes; null not to buffer.</param>
public sealed record BufferRouteSettings(int? MaxRequestBytes) : RouteFilterSettings;
