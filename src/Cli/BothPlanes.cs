using System.Net;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Proxy;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Cli;

/// <summary>Control plane and proxy in one process, joined by the same xDS over gRPC as when they are apart.</summary>
internal sealed class BothPlanes : IAsyncDisposable
{
    private BothPlanes(ControlPlaneServer controlPlane, ProxyServer proxy)
    {
        ControlPlane = controlPlane;
        Proxy = proxy;
    }

    public ControlPlaneServer ControlPlane { get; }

    public ProxyServer Proxy { get; }

    /// <summary>Starts both, for the objects of a folder and some besides. The HTTP port is bound when this returns.</summary>
    public static async Task<BothPlanes> StartAsync(
        string manifests,
        IReadOnlyList<KubernetesObject> objects,
        TranslationOptions translation,
        IPEndPoint admin,
        TimeSpan drainTime,
        int concurrency,
        ILoggerFactory loggers)
    {
        var controlPlane = new ControlPlaneServer(
            new ControlPlaneOptions { ManifestFolder = manifests, InitialObjects = objects, XdsAddress = new IPEndPoint(IPAddress.Loopback, 0), Translation = translation },
            loggers);
        try
        {
            await controlPlane.StartAsync();
            var proxy = await ProxyServer.StartAsync(
                new ProxyOptions { Bootstrap = BootstrapFor(controlPlane.Address, admin), DrainTime = drainTime, Concurrency = concurrency }, loggers);
            await proxy.Ready;
            return new BothPlanes(controlPlane, proxy);
        }
        catch
        {
            await controlPlane.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await ControlPlane.DisposeAsync();
    }

    private static Bootstrap BootstrapFor(IPEndPoint xds, IPEndPoint admin)
    {
        var yaml = $$"""
            node: { id: local, cluster: ingress }
            admin: { address: { socket_address: { address: "{{admin.Address}}", port_value: {{admin.Port}} } } }
            dynamic_resources:
              ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: control-plane } } ] }
              cds_config: { ads: {}, resource_api_version: V3 }
              lds_config: { ads: {}, resource_api_version: V3 }
            static_resources:
              clusters:
              - name: control-plane
                type: STATIC
                connect_timeout: 5s
                load_assignment:
                  cluster_name: control-plane
                  endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: "{{xds.Address}}", port_value: {{xds.Port}} } } } } ] } ]
            """;
        var loaded = ConfigLoader.Parse<Bootstrap>("bootstrap.yaml", System.Text.Encoding.UTF8.GetBytes(yaml));
        return loaded.Value ?? throw new InvalidOperationException(string.Join(Environment.NewLine, loaded.Errors));
    }
}
