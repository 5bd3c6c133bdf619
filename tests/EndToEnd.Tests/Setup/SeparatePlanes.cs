using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>A control plane over a folder of manifests and a proxy, each a process of its own, joined by xDS over gRPC.</summary>
internal sealed class SeparatePlanes : IAsyncDisposable
{
    private readonly int _xdsPort = FreePort.Take();
    private ChildProcess? _controlPlane;
    private ChildProcess? _proxy;

    private SeparatePlanes()
    {
    }

    /// <summary>The manifests that the control plane serves.</summary>
    public TempFolder Folder { get; } = new();

    public int HttpPort { get; } = FreePort.Take();

    /// <summary>Where TLS is served once a host has a certificate.</summary>
    public int HttpsPort { get; } = FreePort.Take();

    public int AdminPort { get; } = FreePort.Take();

    public ChildProcess ControlPlane => _controlPlane!;

    public ChildProcess Proxy => _proxy!;

    /// <summary>Starts both and waits until the proxy is ready.</summary>
    /// <param name="manifests">What is in the folder at the start: a text for each file.</param>
    public static async Task<SeparatePlanes> StartAsync(params (string File, string Text)[] manifests)
    {
        var planes = new SeparatePlanes();
        foreach (var (file, text) in manifests)
        {
            planes.Folder.Write(file, text);
        }

        await planes.StartControlPlaneAsync();
        await planes.StartProxyAsync();
        return planes;
    }

    /// <summary>Starts a control plane, the first or one after another has ended, on the same port.</summary>
    public async Task StartControlPlaneAsync()
    {
        if (_controlPlane is { } ended)
        {
            await ended.DisposeAsync();
        }

        _controlPlane = ChildProcess.StartKpn(
            "control-plane", "--source", Folder.Path, "--xds-address", $"127.0.0.1:{_xdsPort}", "--http-address", "127.0.0.1", "--http-port", $"{HttpPort}", "--https-port", $"{HttpsPort}");
        await _controlPlane.WaitForLineAsync("Serving xDS");
    }

    /// <summary>A GET through the proxy on a connection of its own.</summary>
    public Task<RawResponse> GetAsync(string host, string path = "/") => RawHttpClient.GetAsync(HttpPort, path, host);

    /// <summary>Waits until a GET through the proxy is answered with a status.</summary>
    public Task WaitForStatusAsync(int status, string host, string path = "/") =>
        Patience.UntilAsync(async () => (await GetAsync(host, path)).Status == status, $"{status} for {host}{path}");

    /// <summary>A page of the proxy's admin.</summary>
    public async Task<string> AdminAsync(string page) => (await RawHttpClient.GetAsync(AdminPort, page)).BodyText;

    public async ValueTask DisposeAsync()
    {
        foreach (var process in new[] { _proxy, _controlPlane }.OfType<ChildProcess>())
        {
            await process.DisposeAsync();
        }

        Folder.Dispose();
    }

    private async Task StartProxyAsync()
    {
        using var folder = new TempFolder();
        _proxy = ChildProcess.StartKpn("proxy", "-c", folder.Write("envoy.yaml", Bootstraps.Dynamic(AdminPort, _xdsPort)), "--drain-time-s", "5");
        await _proxy.WaitForHttpAsync(AdminPort);
    }
}
