using System.Net.Sockets;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Where a discovery service is: one address or several, used in turn.</summary>
/// <param name="addresses"><c>HOST:PORT</c>, or what <see cref="OfSocket"/> makes of a path.</param>
/// <param name="connectTimeout">Longest wait for a connection.</param>
internal sealed class DiscoveryTarget(IReadOnlyList<string> addresses, TimeSpan connectTimeout)
{
    /// <summary>Envoy's default of a cluster's <c>connect_timeout</c>.</summary>
    public static readonly TimeSpan DefaultConnectTimeout = TimeSpan.FromSeconds(5);

    private const string UnixScheme = "unix:";

    private int _next;

    /// <summary>Longest wait for a connection.</summary>
    public TimeSpan ConnectTimeout => connectTimeout;

    /// <summary>How it is spoken to; null for plain text.</summary>
    public ControlPlaneTls? Tls { get; init; }

    /// <summary>Sent with each call as <c>authorization: Bearer</c>; empty for none.</summary>
    public string AccessToken { get; init; } = "";

    /// <summary>All addresses, for people.</summary>
    public string Text => string.Join(", ", addresses);

    private string Current => addresses[_next % addresses.Count];

    /// <summary>The address of a Unix domain socket; one that begins with '@' is in the abstract namespace.</summary>
    public static string OfSocket(string path) => UnixScheme + path;

    /// <summary>Whether an address is that of a Unix domain socket.</summary>
    public static bool IsSocket(string address) => address.StartsWith(UnixScheme, StringComparison.Ordinal);

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
            return GoogleGrpcReader.Read(google, problems, path.Field("google_grpc"), time);
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

    /// <summary>The URL of the next address in turn. The authority of a Unix domain socket is <c>localhost</c>, as in gRPC.</summary>
    public string Next()
    {
        var address = Current;
        _next++;
        return (Tls is null ? "http://" : "https://") + (IsSocket(address) ? "localhost" : address);
    }

    /// <summary>What makes connections to the next address in turn.</summary>
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

        if (Current is var address && IsSocket(address))
        {
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(address[UnixScheme.Length..], cancellation);
        }

        return handler;
    }

    /// <summary>What makes calls over a channel, with the credentials of each call.</summary>
    public CallInvoker InvokerOf(GrpcChannel channel)
    {
        var invoker = channel.CreateCallInvoker();
        return AccessToken.Length == 0 ? invoker : invoker.Intercept(metadata =>
        {
            metadata.Add("authorization", "Bearer " + AccessToken);
            return metadata;
        });
    }

    private static DiscoveryTarget? Of(Cluster cluster, ConfigPath place, TranslationProblems problems, ConfigPath path, TimeProvider time)
    {
        var tls = ControlPlaneTls.Of(cluster, problems, place, time);
        var addresses = cluster.LoadAssignment?.Endpoints.SelectMany(static locality => locality.LbEndpoints)
            .Select(static endpoint => TextOf(endpoint.Endpoint.Address)).OfType<string>().ToArray() ?? [];
        if (addresses.Length > 0)
        {
            return new DiscoveryTarget(addresses, cluster.ConnectTimeout?.ToTimeSpan() ?? DefaultConnectTimeout) { Tls = tls };
        }

        problems.Add(path, $"the cluster \"{cluster.Name}\" has no endpoint", "give it a load_assignment");
        return null;
    }

    private static string? TextOf(Address? address) => address switch
    {
        { SocketAddress: { } socket } => socket.Address.Contains(':', StringComparison.Ordinal) ? $"[{socket.Address}]:{socket.PortValue}" : $"{socket.Address}:{socket.PortValue}",
        { Pipe: { } pipe } => OfSocket(pipe.Path),
        _ => null,
    };

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(SocketEndpoint.EndPointOf(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
