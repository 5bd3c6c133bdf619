using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>A client that speaks HTTP/2, the proxy, and a backend that speaks HTTP/1.1, with trailers.</summary>
internal sealed class Http2Front : IAsyncDisposable
{
    private Http2Front(ScriptedBackend backend, RunningProxy proxy, RawHttp2Client client) => (Backend, Proxy, Client) = (backend, proxy, client);

    public ScriptedBackend Backend { get; }

    public RunningProxy Proxy { get; }

    public RawHttp2Client Client { get; }

    /// <summary>Starts all three; malformed messages end their stream alone, as RFC 9113 section 8.1.1 says, unless the options say otherwise.</summary>
    /// <param name="script">The backend's; <see cref="BackendScripts.Echo"/> by default.</param>
    /// <param name="options">Of the listener's connections.</param>
    /// <param name="http">Other settings of the listener.</param>
    /// <param name="handshake">False for a client that has sent nothing yet.</param>
    /// <param name="upstream">A port that takes the backend's place; null for the backend.</param>
    /// <param name="settings">What the client's SETTINGS say.</param>
    public static async Task<Http2Front> StartAsync(
        BackendScript? script = null,
        Func<Http2Options, Http2Options>? options = null,
        Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? http = null,
        bool handshake = true,
        int? upstream = null,
        params Http2Setting[] settings)
    {
        var backend = ScriptedBackend.Start(script ?? BackendScripts.Echo());
        var lenient = new Http2Options { EndsOnlyStreamOfInvalidMessage = true };
        var cluster = RunningProxy.Cluster("backend", upstream ?? backend.Port);
        cluster = cluster with { Config = cluster.Config with { EnablesTrailers = true } };
        var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [cluster], config =>
        {
            config = config with { Codec = HttpCodec.Http2, Http2 = options?.Invoke(lenient) ?? lenient };
            return http?.Invoke(config) ?? config;
        });
        try
        {
            return new Http2Front(backend, proxy, await RawHttp2Client.ConnectAsync(proxy.Port, receiveBuffer: null, handshake, settings));
        }
        catch
        {
            await proxy.DisposeAsync();
            await backend.DisposeAsync();
            throw;
        }
    }

    /// <summary>Nothing of what was sent may have got through: the connection still serves, and the backend has seen no other request.</summary>
    public async Task MustServeAsync(int requestsBefore = 0)
    {
        var response = await Client.GetAsync("/after");
        if (response.Status != 200 || Backend.Requests.Count != requestsBefore + 1)
        {
            throw new Http2ViolationException($"{response.Status} after the fault, and {Backend.Requests.Count} requests at the backend: {string.Join(" | ", Backend.Requests.Select(static r => r.HeadText))}");
        }
    }

    /// <summary>
    /// The request is malformed (section 8.1.1): its stream ends with PROTOCOL_ERROR, or with 400 as section 8.2.1 allows, the connection goes on, and the backend sees nothing of it.
    /// </summary>
    public async Task MustBeMalformedAsync(int streamId, int requestsBefore = 0)
    {
        try
        {
            var response = await Client.ReadResponseAsync(streamId);
            if (response.Status != 400)
            {
                throw new Http2ViolationException($"a malformed request was answered with {response}");
            }
        }
        catch (Http2ResetException e) when (e.Error == Http2ErrorCode.ProtocolError)
        {
            // As section 8.1.1 says.
        }

        Client.NextStreamId = Math.Max(Client.NextStreamId, streamId + 2);
        await MustServeAsync(requestsBefore);
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Proxy.DisposeAsync();
        await Backend.DisposeAsync();
    }
}
