namespace KubeProxyNet.ControlPlane.Model;

/// <summary>
/// What the proxies shall do, in no one's wire format: where to listen, how to choose a backend for a request, and which endpoints a backend has.
/// Every part is a record, so two models can be compared part by part.
/// </summary>
/// <param name="Listeners">The sockets that the proxies open.</param>
/// <param name="RouteTables">The route tables that the listeners name.</param>
/// <param name="Backends">Every backend that a route table names, each once, ordered by name. Nothing a route names is missing here.</param>
/// <param name="Certificates">Every certificate that a listener names, each once, ordered by name.</param>
public sealed record TrafficModel(
    ValueList<GatewayListener> Listeners, ValueList<RouteTable> RouteTables, ValueList<Backend> Backends, ValueList<ServerCertificate> Certificates);
