namespace KubeProxyNet.ControlPlane.Model;

/// <summary>What happens to a request that a rule matched.</summary>
public abstract record RouteAction;

/// <summary>The request goes to a backend.</summary>
/// <param name="Backend">One of <see cref="TrafficModel.Backends"/>.</param>
public sealed record ForwardTo(BackendKey Backend) : RouteAction;

/// <summary>The client is sent to the same URL over HTTPS, with status 308, so that it repeats the request with its method and body.</summary>
/// <param name="Host">The host to send it to; null for the one that it asked for.</param>
/// <param name="Port">The port to send it to; null for the one of the scheme, which then does not stand in the URL.</param>
public sealed record RedirectToHttps(string? Host, int? Port) : RouteAction;

/// <summary>The proxy answers by itself.</summary>
/// <param name="Status">The HTTP status, 200 to 599.</param>
/// <param name="Body">The body as plain text; empty for none.</param>
public sealed record Respond(int Status, string Body) : RouteAction;
