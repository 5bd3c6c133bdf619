using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// The host name that an endpoint is asked for, or has to prove, because the request is for it: Envoy's <c>auto_sni</c>, <c>auto_san_validation</c> and
/// <c>override_auto_sni_header</c>. A connection then serves requests of one name only.
/// </summary>
internal static class RequestedServerName
{
    /// <summary>True where connections to the endpoint have a name.</summary>
    public static bool IsAsked(EndpointState endpoint) => endpoint.Cluster.Config.NamesConnections && endpoint.Tls is not null;

    /// <summary>
    /// The name, without a port: of the header field that the cluster names, else of the authority after the route's rewrite. As in Envoy a rewrite to the name of the
    /// chosen endpoint comes too late for it. Valid until the worker composes a head.
    /// </summary>
    public static ReadOnlySpan<byte> Of(Exchange exchange)
    {
        var name = WithoutPort(Authority(exchange));
        return name is [.. var host, (byte)'.'] ? host : name;
    }

    private static ReadOnlySpan<byte> Authority(Exchange exchange)
    {
        var request = exchange.Request;
        if (exchange.Cluster!.State.ServerNameHeader is { Length: > 0 } header && request.TryGet(header, out var value) && !value.IsEmpty)
        {
            return value;
        }

        var rewritten = exchange.Runtime.Overrides;
        rewritten.ResetWrittenCount();
        return exchange.Route!.Forward!.TryWriteHost(request, exchange.Target!, rewritten) ? rewritten.WrittenSpan : request.Authority;
    }

    private static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> authority)
    {
        var host = DomainTable.WithoutPort(authority);
        return host is [(byte)'[', .. var address, (byte)']'] ? address : host;
    }
}
