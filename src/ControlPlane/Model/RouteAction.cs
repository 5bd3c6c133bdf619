namespace KubeProxyNet.ControlPlane.Model;

/// <summary>What happens to a request that a rule matched.</summary>
public abstract record RouteAction;

/// <summary>The request goes to a backend.</summary>
/// <param name="Backend">One of <see cref="TrafficModel.Backends"/>.</param>
public sealed record ForwardTo(BackendKey Backend) : RouteAction;

/// <summary>The proxy answers by itself.</summary>
/// <param name="Status">The HTTP status, 200 to 599.</param>
/// <param name="Body">The body as plain text; empty for none.</param>
public sealed record Respond(int Status, string Body) : RouteAction;
