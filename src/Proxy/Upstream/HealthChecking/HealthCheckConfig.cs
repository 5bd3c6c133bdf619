using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// How the endpoints of a cluster are actively checked: Envoy's <c>config.core.v3.HealthCheck</c>. Every duration is above zero unless it says otherwise,
/// and counts in whole milliseconds.
/// </summary>
public sealed record HealthCheckConfig
{
    /// <summary>What is asked of an endpoint.</summary>
    public required HealthCheckProbe Probe { get; init; }

    /// <summary>Longest time for one check, the connect included.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Time between the end of one check and the begin of the next, while nothing below applies.</summary>
    public required TimeSpan Interval { get; init; }

    /// <summary>Failed checks in a row that make an endpoint unhealthy; at least 1. An answer that says "unhealthy" does so at once.</summary>
    public required int UnhealthyThreshold { get; init; }

    /// <summary>Passed checks in a row that make an endpoint healthy again; at least 1. The very first check does so at once.</summary>
    public required int HealthyThreshold { get; init; }

    /// <summary>The first check begins after a random part of this; zero, the default, for at once.</summary>
    public TimeSpan InitialJitter { get; init; }

    /// <summary>A random part of this is added to every wait; zero by default.</summary>
    public TimeSpan IntervalJitter { get; init; }

    /// <summary>A random part of so many percent of the wait is added to it; 0 by default.</summary>
    public int IntervalJitterPercent { get; init; }

    /// <summary>True, the default, to use one connection for many checks.</summary>
    public bool ReuseConnection { get; init; } = true;

    /// <summary>The interval while no connection for traffic was ever opened to the cluster; 60 s by default.</summary>
    public TimeSpan NoTrafficInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The interval of healthy endpoints meanwhile; null for <see cref="NoTrafficInterval"/>.</summary>
    public TimeSpan? NoTrafficHealthyInterval { get; init; }

    /// <summary>The interval after a failed check; null for <see cref="Interval"/>.</summary>
    public TimeSpan? UnhealthyInterval { get; init; }

    /// <summary>The interval after a failed check that did not yet make the endpoint unhealthy; null for that after a failed check.</summary>
    public TimeSpan? UnhealthyEdgeInterval { get; init; }

    /// <summary>Files that events go to; empty for none.</summary>
    public ValueList<string> EventLogPaths { get; init; } = ValueList<string>.Empty;

    /// <summary>True to log every failure, and not only the first check's and what makes an endpoint unhealthy.</summary>
    public bool AlwaysLogFailures { get; init; }

    /// <summary>True to log every success, and not only what makes an endpoint healthy.</summary>
    public bool AlwaysLogSuccesses { get; init; }

    /// <summary>The interval after a passed check that did not yet make the endpoint healthy; null for <see cref="Interval"/>.</summary>
    public TimeSpan? HealthyEdgeInterval { get; init; }

    /// <summary>Protocols that a check offers by ALPN in place of those of traffic (<c>tls_options.alpn_protocols</c>); empty for those.</summary>
    public ValueList<string> AlpnProtocols { get; init; } = ValueList<string>.Empty;

    /// <summary>What chooses the transport socket in place of the metadata of endpoints (<c>transport_socket_match_criteria</c>); null for those.</summary>
    public EndpointMetadata? TransportSocketCriteria { get; init; }
}

/// <summary>What is asked of an endpoint, and what it has to answer.</summary>
public abstract record HealthCheckProbe;

/// <summary>A probe by HTTP: Envoy's <c>HealthCheck.HttpHealthCheck</c>.</summary>
public sealed record HttpHealthCheck : HealthCheckProbe
{
    /// <summary>The bytes of a response body that are looked at where nothing else is said.</summary>
    public const long DefaultResponseBufferSize = 1024;

    /// <summary>True to ask by HTTP/2, false (the default) by HTTP/1.1, whatever traffic speaks (<c>codec_client_type</c>).</summary>
    public bool UsesHttp2 { get; init; }

    /// <summary>Method; GET by default.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>Target as it stands in the request line.</summary>
    public required string Path { get; init; }

    /// <summary>Value of the Host header, unless the endpoint has one of its own.</summary>
    public required string Host { get; init; }

    /// <summary>The other header lines, each with its CRLF; framing is not among them.</summary>
    public string HeaderLines { get; init; } = "user-agent: Envoy/HC\r\n";

    /// <summary>Body; empty for none.</summary>
    public Payload Send { get; init; } = Payload.Empty;

    /// <summary>What the response's body has to hold, in this order; empty for anything.</summary>
    public ValueList<Payload> Receive { get; init; } = ValueList<Payload>.Empty;

    /// <summary>Bytes of the body that are looked at for <see cref="Receive"/>; 1024 by default, 0 for all of it.</summary>
    public long ResponseBufferSize { get; init; } = DefaultResponseBufferSize;

    /// <summary>Statuses of a healthy endpoint; 200 by default.</summary>
    public ValueList<StatusRange> ExpectedStatuses { get; init; } = new([new StatusRange(200, 201)]);

    /// <summary>Statuses that count towards <see cref="HealthCheckConfig.UnhealthyThreshold"/>, where any other makes an endpoint unhealthy at once.</summary>
    public ValueList<StatusRange> RetriableStatuses { get; init; } = ValueList<StatusRange>.Empty;

    /// <summary>What <c>x-envoy-upstream-healthchecked-cluster</c> has to say; null for anything.</summary>
    public ServiceNameMatch? ServiceName { get; init; }
}

/// <summary>A call of <c>grpc.health.v1.Health/Check</c>: Envoy's <c>HealthCheck.GrpcHealthCheck</c>.</summary>
public sealed record GrpcHealthCheck : HealthCheckProbe
{
    /// <summary>The service that is asked about; empty (the default) for the server as a whole.</summary>
    public string ServiceName { get; init; } = "";

    /// <summary>The authority, unless the endpoint has a host name of its own for checks.</summary>
    public required string Authority { get; init; }

    /// <summary>The other header lines, each with its CRLF.</summary>
    public string HeaderLines { get; init; } = "user-agent: Envoy/HC\r\n";
}

/// <summary>A probe by TCP: Envoy's <c>HealthCheck.TcpHealthCheck</c>.</summary>
public sealed record TcpHealthCheck : HealthCheckProbe
{
    /// <summary>Sent once the connection stands; empty for nothing.</summary>
    public Payload Send { get; init; } = Payload.Empty;

    /// <summary>What has to be received, in this order; empty where it is enough that the connection stands.</summary>
    public ValueList<Payload> Receive { get; init; } = ValueList<Payload>.Empty;
}

/// <summary>Statuses from <paramref name="Start"/> up to but not including <paramref name="End"/>.</summary>
public readonly record struct StatusRange(int Start, int End)
{
    /// <summary>True where the status is among them.</summary>
    public bool Contains(int status) => status >= Start && status < End;
}
