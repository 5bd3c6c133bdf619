namespace KubeProxyNet.ControlPlane.Model;

/// <summary>A socket that takes HTTP from clients.</summary>
/// <param name="Name">Unique among the listeners.</param>
/// <param name="Address">The IP address to bind, as text; 0.0.0.0 or :: for every interface.</param>
/// <param name="Port">The port to bind.</param>
/// <param name="RouteTable">Name of the <see cref="Model.RouteTable"/> that decides for requests of this listener.</param>
/// <param name="AccessLog">True when each request is logged to the proxy's standard output.</param>
/// <param name="Tls">The certificates to take TLS with; null for plain HTTP.</param>
public sealed record GatewayListener(string Name, string Address, int Port, string RouteTable, bool AccessLog, TlsTermination? Tls = null);
