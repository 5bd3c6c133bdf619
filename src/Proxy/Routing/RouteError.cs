namespace KubeProxyNet.Proxy.Routing;

/// <summary>One thing that is wrong with a route configuration.</summary>
/// <param name="Path">Where, in xDS field names from the route configuration down: <c>virtual_hosts[0].routes[2].match.safe_regex.regex</c>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record RouteError(string Path, string Message, string Remedy)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path}: {Message}; {Remedy}";
}
