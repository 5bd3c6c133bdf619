using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>A route ready for traffic. Immutable.</summary>
public sealed class CompiledRoute
{
    internal CompiledRoute(Route source, CompiledVirtualHost virtualHost, int index, RouteConditions? conditions)
    {
        Source = source;
        NameText = source.Name.Length == 0 ? default : System.Text.Encoding.UTF8.GetBytes(source.Name);
        VirtualHost = virtualHost;
        Index = index;
        Conditions = conditions;
    }

    /// <summary>The route as configured.</summary>
    public Route Source { get; }

    /// <summary>Name as configured; may be empty.</summary>
    public string Name => Source.Name;

    /// <summary>The name in UTF-8, for logs.</summary>
    public ReadOnlyMemory<byte> NameText { get; }

    /// <summary>Place among the routes of the virtual host; -1 for the redirect of a virtual host that demands TLS.</summary>
    public int Index { get; }

    /// <summary>The virtual host that holds this route.</summary>
    public CompiledVirtualHost VirtualHost { get; }

    /// <summary>What to do; tells which of the members below is set.</summary>
    public RouteKind Kind { get; internal set; }

    /// <summary>Set for <see cref="RouteKind.Forward"/>.</summary>
    public CompiledForward? Forward { get; internal set; }

    /// <summary>
    /// Set for <see cref="RouteKind.Redirect"/>; also for a <see cref="RouteKind.DirectResponse"/> with status 201 or 3xx,
    /// which carries the Location of the request itself (RFC 9110 §15.3.2, as Envoy).
    /// </summary>
    public CompiledRedirect? Redirect { get; internal set; }

    /// <summary>Set for <see cref="RouteKind.DirectResponse"/>.</summary>
    public DirectResponseAction? DirectResponse { get; internal set; }

    /// <summary>
    /// Changes of response headers for answers that the proxy gives itself. For a forwarded request <see cref="ClusterTarget.ResponseMutations"/> holds all.
    /// </summary>
    public HeaderMutations ResponseMutations { get; internal set; } = HeaderMutations.None;

    /// <summary>What the route and what holds it say of HTTP filters, where the proxy answers itself; <see cref="ClusterTarget.FilterConfigs"/> where it forwards.</summary>
    internal RouteFilterConfig[] FilterConfigs { get; set; } = [];

    /// <summary>Where its requests are counted by themselves; null for nowhere, and until a proxy takes the table.</summary>
    internal RouteStats? Stats { get; set; }

    /// <summary>True where its requests are counted beyond their cluster.</summary>
    internal bool IsCounted { get; set; }

    /// <summary>What must hold besides the path; null where nothing.</summary>
    internal RouteConditions? Conditions { get; }

    /// <inheritdoc/>
    public override string ToString() => Name.Length > 0 ? $"{VirtualHost.Name}[{Index}] {Name}" : $"{VirtualHost.Name}[{Index}]";
}

/// <summary>What a route does.</summary>
public enum RouteKind
{
    /// <summary>Sends the request to a cluster.</summary>
    Forward,

    /// <summary>Answers with a redirect.</summary>
    Redirect,

    /// <summary>Answers with a fixed status and body.</summary>
    DirectResponse,

    /// <summary>Answers 404: only servers that end requests themselves act on such a route.</summary>
    NonForwarding,
}
