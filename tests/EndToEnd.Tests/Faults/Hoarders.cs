using System.Net.Security;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>What hoarders speak.</summary>
public enum HoarderKind
{
    /// <summary>HTTP/1.1 in plain text.</summary>
    Http1,

    /// <summary>HTTP/2 in plain text, several streams a connection, their windows shut.</summary>
    Http2,

    /// <summary>HTTP/1.1 by TLS.</summary>
    Secure,
}

/// <summary>Clients that ask for much and read nothing of it.</summary>
internal sealed class Hoarders : IAsyncDisposable
{
    private const int Connections = 600;
    private const int StreamsOfOne = 8;

    private readonly HoarderKind _kind;
    private readonly DisposableCollection<RawHttpClient> _clients = new();
    private readonly DisposableCollection<RawHttp2Client> _http2Clients = new();
    private readonly string _roots;

    private Hoarders(HoarderKind kind, string roots) => (_kind, _roots) = (kind, roots);

    /// <summary>All connect, and none asks yet.</summary>
    /// <param name="kind">What they speak.</param>
    /// <param name="port">The port on 127.0.0.1.</param>
    /// <param name="roots">In PEM, whom those that speak TLS trust.</param>
    public static async Task<Hoarders> ConnectAsync(HoarderKind kind, int port, string roots)
    {
        var hoarders = new Hoarders(kind, roots);
        try
        {
            for (var i = 0; i < Connections; i++)
            {
                await hoarders.AddAsync(port);
            }

            return hoarders;
        }
        catch
        {
            await hoarders.DisposeAsync();
            throw;
        }
    }

    /// <summary>Each asks for <c>/large</c>, one after the other.</summary>
    public async IAsyncEnumerable<int> AskAsync()
    {
        for (var i = 0; i < Connections; i++)
        {
            if (_kind == HoarderKind.Http2)
            {
                var first = _http2Clients[i].NextStreamId;
                await _http2Clients[i].SendAsync([.. Enumerable.Range(0, StreamsOfOne).Select(n => Http2Frames.Headers(first + (2 * n), Http2Fields.Get("/large"), endStream: true))]);
            }
            else
            {
                await _clients[i].SendAsync("GET /large HTTP/1.1\r\nhost: a\r\n\r\n");
            }

            yield return i;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _clients.DisposeAsync();
        await _http2Clients.DisposeAsync();
    }

    private async Task AddAsync(int port)
    {
        const int Little = 4096;
        switch (_kind)
        {
            case HoarderKind.Http1:
                _clients.Add(await RawHttpClient.ConnectAsync(port, Little));
                break;
            case HoarderKind.Http2:
                _http2Clients.Add(await RawHttp2Client.ConnectAsync(port, Little, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 0)));
                break;
            default:
                _clients.Add(await RawHttpClient.ConnectTlsAsync(port, new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = Trust.In(_roots) }, Little));
                break;
        }
    }
}
