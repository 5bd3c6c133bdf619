using System.Net;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>What is different about the checks of one endpoint: Envoy's <c>Endpoint.HealthCheckConfig</c>.</summary>
public sealed record EndpointHealthCheckConfig
{
    /// <summary>Nothing.</summary>
    public static EndpointHealthCheckConfig Default { get; } = new();

    /// <summary>Where the endpoint is checked instead; null for where it listens.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The port that goes with <see cref="Address"/>, or is checked instead of the one where it listens; 0 for that one.</summary>
    public int Port { get; init; }

    /// <summary>Value of the Host header; empty for that of the cluster.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>True where the endpoint is not checked, and so never fails a check.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Where an endpoint that listens there is checked.</summary>
    internal SocketEndpoint TargetOf(SocketEndpoint endpoint) =>
        Address is null && Port == 0 ? endpoint : new SocketEndpoint(Address ?? endpoint.Address, Port == 0 ? endpoint.Port : Port);
}
