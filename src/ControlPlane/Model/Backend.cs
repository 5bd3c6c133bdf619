namespace KubeProxyNet.ControlPlane.Model;

/// <summary>Identity of a backend: one port of one Service.</summary>
/// <param name="Namespace">Namespace of the Service.</param>
/// <param name="Service">Name of the Service.</param>
/// <param name="Port">The Service's port number as text, or the port name that a route asked for when the Service has no such port.</param>
public sealed record BackendKey(string Namespace, string Service, string Port)
{
    /// <summary>The backend's name on the wire, in logs and in statistics: <c>namespace/service/port</c>.</summary>
    public string Name { get; } = $"{Namespace}/{Service}/{Port}";

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A group of endpoints that serve the same thing.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Policy">How the proxies talk to it.</param>
/// <param name="Endpoints">Each once, ordered by address and port. Empty when nothing serves it: requests are then answered with 503.</param>
public sealed record Backend(BackendKey Key, BackendPolicy Policy, ValueList<Endpoint> Endpoints);

/// <summary>A socket address that serves a backend.</summary>
/// <param name="Address">An IPv4 or IPv6 address in canonical text.</param>
/// <param name="Port">The port on it, 1 to 65535.</param>
public sealed record Endpoint(string Address, int Port);

/// <summary>How the proxies talk to a backend.</summary>
/// <param name="ConnectTimeout">Limit of one connection attempt.</param>
/// <param name="LoadBalancing">How an endpoint is chosen.</param>
public sealed record BackendPolicy(TimeSpan ConnectTimeout, LoadBalancing LoadBalancing)
{
    /// <summary>Five seconds and round robin, which is what a Service gives on average.</summary>
    public static BackendPolicy Default { get; } = new(TimeSpan.FromSeconds(5), LoadBalancing.RoundRobin);
}

/// <summary>How an endpoint of a backend is chosen.</summary>
public enum LoadBalancing
{
    /// <summary>Each endpoint in turn.</summary>
    RoundRobin,

    /// <summary>The less busy of two endpoints chosen at random.</summary>
    LeastRequest,
}
