using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>A proxy process that runs from its bootstrap alone.</summary>
internal sealed class StaticProxy : IAsyncDisposable
{
    private StaticProxy(ChildProcess process, TempFolder folder, int httpPort, int adminPort)
    {
        Process = process;
        Folder = folder;
        HttpPort = httpPort;
        AdminPort = adminPort;
    }

    public ChildProcess Process { get; }

    /// <summary>Where its bootstrap is; goes with it.</summary>
    public TempFolder Folder { get; }

    public int HttpPort { get; }

    public int AdminPort { get; }

    /// <summary>A proxy with one listener that leads everything to one cluster.</summary>
    public static Task<StaticProxy> StartAsync(int drainSeconds, params int[] backendPorts) =>
        StartAsync((_, http, admin) => Bootstraps.Static(
            admin, Bootstraps.Listener("http", http, Bootstraps.Route("backend")), Bootstraps.Cluster("backend", backendPorts)), drainSeconds);

    /// <summary>A proxy with any bootstrap; waits until it is ready.</summary>
    /// <param name="bootstrap">Makes it from the folder, the port to listen on and the admin port.</param>
    /// <param name="limits">Shell commands that bound the process before it starts, such as "ulimit -n 100"; null for none.</param>
    public static async Task<StaticProxy> StartAsync(Func<TempFolder, int, int, string> bootstrap, int drainSeconds = 5, string? limits = null)
    {
        var folder = new TempFolder();
        var (http, admin) = (FreePort.Take(), FreePort.Take());
        var file = folder.Write("envoy.yaml", bootstrap(folder, http, admin));
        string[] arguments = ["proxy", "-c", file, "--drain-time-s", $"{drainSeconds}"];
        var process = limits is null
            ? ChildProcess.StartKpn(arguments)
            : ChildProcess.Start("/bin/sh", ["-c", $"{limits}; exec \"$0\" \"$@\"", KpnBinary.Path, .. arguments]);
        var proxy = new StaticProxy(process, folder, http, admin);
        await proxy.Process.WaitForHttpAsync(admin);
        return proxy;
    }

    public Task<RawResponse> GetAsync(string path = "/", string host = "localhost") => RawHttpClient.GetAsync(HttpPort, path, host);

    public Task<RawResponse> AdminAsync(string page) => RawHttpClient.GetAsync(AdminPort, page);

    /// <summary>A change on the admin page.</summary>
    public Task<RawResponse> AdminPostAsync(string page) =>
        RawHttpClient.ExchangeAsync(AdminPort, $"POST {page} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", "POST");

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Folder.Dispose();
    }
}
