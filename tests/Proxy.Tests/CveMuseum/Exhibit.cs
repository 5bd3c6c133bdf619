using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// What each entry of the museum needs: a backend that keeps a ledger, a proxy before it, and the bytes of a published flaw sent on one
/// connection. An entry is named after its CVE and says what the flaw was; the request that it tries to bring past the proxy is called
/// <see cref="Smuggled"/>.
/// </summary>
internal sealed class Exhibit : IAsyncDisposable
{
    public const string Smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

    /// <summary>An ordinary request behind the others, with which the connection ends.</summary>
    public const string Last = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    private Exhibit(ScriptedBackend backend, RunningProxy proxy)
    {
        Backend = backend;
        Proxy = proxy;
    }

    public ScriptedBackend Backend { get; }

    public RunningProxy Proxy { get; }

    /// <summary>Method and target of everything that the backend has read as a request.</summary>
    public IEnumerable<string> Arrived => Backend.Requests.Select(static request => $"{request.Method} {request.Target}");

    /// <summary>A proxy that sends everything to one backend.</summary>
    public static Exhibit Open(BackendScript? script = null, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null, RouteTable? routes = null)
    {
        var backend = ScriptedBackend.Start(script ?? BackendScripts.Answer(200, "ok"));
        return new Exhibit(backend, RunningProxy.Start(
            routes ?? RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)], configure));
    }

    /// <summary>Sends bytes on a connection of their own and returns the statuses of all answers until the proxy ends it.</summary>
    public async Task<IReadOnlyList<int>> SendAsync(string bytes)
    {
        await using var client = await RawHttpClient.ConnectAsync(Proxy.Port);
        await client.SendAsync(bytes);
        return await AnswersAsync(client);
    }

    /// <summary>The statuses of all answers until the proxy ends the connection.</summary>
    public static async Task<IReadOnlyList<int>> AnswersAsync(RawHttpClient client)
    {
        var statuses = new List<int>();
        while (true)
        {
            try
            {
                statuses.Add((await client.ReadResponseAsync()).Status);
            }
            catch (RawFramingException e) when (e.Fault == FramingFault.NoMessage)
            {
                return statuses;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Backend.DisposeAsync();
    }
}
