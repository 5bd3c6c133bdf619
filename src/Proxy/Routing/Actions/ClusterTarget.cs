using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing.Headers;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>One cluster that a route may forward to, with all header changes for it. Immutable.</summary>
public sealed class ClusterTarget
{
    private readonly byte[] _headerName;

    internal ClusterTarget(string name, int ordinal, string headerName, string hostRewrite, HeaderMutations request, HeaderMutations response)
    {
        Name = name;
        Ordinal = ordinal;
        _headerName = Encoding.UTF8.GetBytes(headerName.ToLowerInvariant());
        HostRewrite = Encoding.UTF8.GetBytes(hostRewrite);
        RequestMutations = request;
        ResponseMutations = response;

        // Changes of the request are played over the head that came; those of the response may look at the one that went.
        Needs = (request.Needs & ~AccessLogNeeds.RequestHead) | response.Needs;
    }

    /// <summary>Name of the cluster; empty where a request header names it.</summary>
    public string Name { get; }

    /// <summary>Index of <see cref="Name"/> in <see cref="RouteTable.ClusterNames"/>; -1 where a request header names the cluster.</summary>
    public int Ordinal { get; }

    /// <summary>Changes of request headers: this target's, then those of the route and its parents.</summary>
    public HeaderMutations RequestMutations { get; }

    /// <summary>Changes of response headers: this target's, then those of the route and its parents.</summary>
    public HeaderMutations ResponseMutations { get; }

    /// <summary>What must be kept of an exchange for the header values with format operators.</summary>
    internal AccessLogNeeds Needs { get; }

    /// <summary>What endpoints must have where the cluster is divided into subsets; null for nothing.</summary>
    public MetadataMatch? MetadataMatch { get; init; }

    /// <summary>What the route and what holds it say of HTTP filters, one entry a filter.</summary>
    public RouteFilterConfig[] FilterConfigs { get; init; } = [];

    /// <summary>Host of this choice of a weighted set; empty for none.</summary>
    internal byte[] HostRewrite { get; }

    /// <summary>
    /// Where <see cref="Ordinal"/> is -1: the cluster name that the request gives, of the first field. Empty where the header is missing,
    /// which is answered as for a cluster that does not exist.
    /// </summary>
    public ReadOnlySpan<byte> NameFrom(RequestHead head) => head.TryGet(_headerName, out var name) ? name : default;
}
