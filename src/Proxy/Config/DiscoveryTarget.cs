using System.Net.Sockets;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Where a discovery service is: one address or several, used in turn.</summary>
internal sealed class DiscoveryTarget(IReadOnlyList<string> addresses, TimeSpan connectTimeout)
{
    private const string UnixScheme = "unix:";

    // Envoy's default of a cluster's connect_timeout.
    private static readonly TimeSpan DefaultConnectTimeout = TimeSpan.FromSeconds(5);

    private int _next;

    /// <summary>Longest wait for a connection.</summary>
    public TimeSpan ConnectTimeout => connectTimeout;

    /// <summary>How it is spoken to; null for plain text.</summary>
    public ControlPlaneTls? Tls { get; init; }

    /// <summary>All addresses, for people.</summary>
    public string Text => string.Join(", ", addresses);

    /// <summary>Path of the socket in the file system that it is behind; null for TCP.</summary>
    public string? SocketPath => addresses[0].StartsWith(UnixScheme, StringComparison.Ordinal) ? PathOf(addresses[0]) : null;

    /// <summary>Reads where a gRPC service is; null after a problem.</summary>
    /// <param name="bootstrap">Has the clusters that are there whatever discovery does.</param>
    /// <param name="service">The service.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where the service stands.</param>
    /// <param name="time">The clock that certificates are held against.</param>
    public static DiscoveryTarget? Of(Bootstrap bootstrap, GrpcService service, TranslationProblems problems, ConfigPath path, TimeProvider time)
    {
        if (service.GoogleGrpc is { } google)
        {
            return new DiscoveryTarget([google.TargetUri], DefaultConnectTimeout);
        }

        var name = service.EnvoyGrpc?.ClusterName ?? "";
        var cluster = bootstrap.StaticResources?.Clusters.FirstOrDefault(cluster => cluster.Name == name);
        if (cluster is null)
        {
            problems.Add(path.Field("envoy_grpc").Field("cluster_name"), $"there is no static cluster \"{name}\"", "add it to static_resources.clusters");
            return null;
        }

        return Of(cluster, ConfigPath.Root.Field("static_resources").Field("clusters").Index(bootstrap.StaticResources!.Clusters.IndexOf(cluster)), problems, path, time);
    }

    /// <summary>The URL for the next attempt.</summary>
    public string Next() => SocketPath is null ? (Tls is null ? "http://" : "https://") + addresses[_next++ % addresses.Count] : "http://localhost";

    /// <summary>What a connection is made by.</summary>
    public SocketsHttpHandler Handler()
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = ConnectTimeout,
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        };
        if (Tls is { } tls)
        {
            handler.SslOptions = tls.Options();
        }

        if (SocketPath is { } file)
        {
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(file, cancellation);
        }

        return handler;
    }

    private static DiscoveryTarget? Of(Cluster cluster, ConfigPath place, TranslationProblems problems, ConfigPath path, TimeProvider time)
    {
        var tls = ControlPlaneTls.Of(cluster, problems, place, time);
        var addresses = cluster.LoadAssignment?.Endpoints.SelectMany(static locality => locality.LbEndpoints)
            .Select(static endpoint => endpoint.Endpoint.Address?.SocketAddress).OfType<SocketAddress>()
            .Select(static socket => socket.Address.Contains(':', StringComparison.Ordinal) ? $"[{socket.Address}]:{socket.PortValue}" : $"{socket.Address}:{socket.PortValue}")
            .ToArray() ?? [];
        if (addresses.Length > 0)
        {
            return new DiscoveryTarget(addresses, cluster.ConnectTimeout?.ToTimeSpan() ?? DefaultConnectTimeout) { Tls = tls };
        }

        problems.Add(path, $"the cluster \"{cluster.Name}\" has no endpoint", "give it a load_assignment");
        return null;
    }

    private static async ValueTask<Stream> ConnectAsync(string file, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(file), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Of <c>unix:PATH</c> or <c>unix:///PATH</c> (gRPC, "Name resolution").</summary>
    private static string PathOf(string address) => address[(address.StartsWith(UnixScheme + "//", StringComparison.Ordinal) ? UnixScheme.Length + 2 : UnixScheme.Length)..];
}
