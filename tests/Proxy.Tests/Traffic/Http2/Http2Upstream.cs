using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Clients that speak HTTP/1.1, the proxy, and a backend that speaks HTTP/2.</summary>
internal sealed class Http2Upstream : IAsyncDisposable
{
    private Http2Upstream(ScriptedHttp2Backend backend, RunningProxy proxy) => (Backend, Proxy) = (backend, proxy);

    public ScriptedHttp2Backend Backend { get; }

    public RunningProxy Proxy { get; }

    /// <summary>Starts both.</summary>
    /// <param name="script">The backend's.</param>
    /// <param name="options">How the backend behaves beside it.</param>
    /// <param name="cluster">Other settings of the cluster.</param>
    /// <param name="http">Other settings of the listener.</param>
    public static Http2Upstream Start(
        Http2Script script,
        Http2BackendOptions? options = null,
        Func<ClusterConfig, ClusterConfig>? cluster = null,
        Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? http = null)
    {
        var backend = ScriptedHttp2Backend.Start(script, options);
        var specification = RunningProxy.Cluster("backend", backend.Port);
        var config = specification.Config with { Protocol = UpstreamProtocol.Http2 };
        return new Http2Upstream(backend, RunningProxy.Start(RunningProxy.Everything("backend"), [specification with { Config = cluster?.Invoke(config) ?? config }], http));
    }

    /// <summary>A backend whose script is played on whole connections, after the exchange of SETTINGS where <paramref name="greets"/>.</summary>
    public static Http2Upstream StartRaw(Http2ConnectionScript script, bool greets = true) => Start(
        Http2Scripts.Answer(),
        new Http2BackendOptions
        {
            Connection = async connection =>
            {
                if (greets)
                {
                    await connection.GreetAsync();
                }

                await script(connection);
            },
        });

    /// <summary>A GET of an HTTP/1.1 client of its own.</summary>
    public Task<RawResponse> GetAsync(string target = "/") => RawHttpClient.GetAsync(Proxy.Port, target);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Backend.DisposeAsync();
    }
}
