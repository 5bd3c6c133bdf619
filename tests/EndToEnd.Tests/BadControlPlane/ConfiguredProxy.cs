using Google.Protobuf;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.BadControlPlane;

/// <summary>A proxy that a <see cref="ScriptedControlPlane"/> has given one good listener, route table and cluster: "/good" is answered by the backend.</summary>
public sealed class ConfiguredProxy : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private ScriptedControlPlane? _controlPlane;
    private ScriptedBackend? _backend;
    private ChildProcess? _proxy;

    public int HttpPort { get; } = FreePort.Take();

    public int AdminPort { get; } = FreePort.Take();

    public ChildProcess Proxy => _proxy!;

    public ScriptedBackend Backend => _backend!;

    internal ScriptedControlPlane ControlPlane => _controlPlane!;

    /// <summary>The good state of a type.</summary>
    public IMessage[] Good(string typeUrl) => typeUrl switch
    {
        XdsTypeUrls.Cluster => [Resources.Cluster("good")],
        XdsTypeUrls.ClusterLoadAssignment => [Resources.Endpoints("good", Backend.Port)],
        XdsTypeUrls.Listener => [Resources.Listener("http", HttpPort, "routes")],
        _ => [Resources.Routes("routes", "good")],
    };

    public async ValueTask InitializeAsync()
    {
        _backend = ScriptedBackend.Start(BackendScripts.Echo());
        _controlPlane = await ScriptedControlPlane.StartAsync();
        _proxy = ChildProcess.StartKpn(
            "proxy", "-c", _folder.Write("envoy.yaml", Bootstraps.Dynamic(AdminPort, _controlPlane.Port)), "--drain-time-s", "1");
        await _controlPlane.WaitForRequestAsync(request => request.TypeUrl == XdsTypeUrls.Listener, "the first subscription");
        foreach (var typeUrl in XdsTypeUrls.InServingOrder.Where(type => type != XdsTypeUrls.Secret))
        {
            await _controlPlane.PushAsync(typeUrl, "good", Good(typeUrl));
        }

        await _proxy.WaitForHttpAsync(AdminPort);
    }

    public Task<RawResponse> GetAsync(string path = "/good") => RawHttpClient.GetAsync(HttpPort, path);

    public async ValueTask DisposeAsync()
    {
        await _proxy!.DisposeAsync();
        await _controlPlane!.DisposeAsync();
        await _backend!.DisposeAsync();
        _folder.Dispose();
    }
}
