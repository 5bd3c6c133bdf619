using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>A browser, which speaks WebSocket on a stream of its HTTP/2 connection where the server says that it may (RFC 8441).</summary>
public sealed class ChromiumTests
{
    private const string Page = """
        <!doctype html><title>a page</title><body><script>
        fetch('/fetched').then(r => r.text()).then(text => {
          const socket = new WebSocket('wss://' + location.host + '/socket');
          const heard = [];
          socket.onopen = () => { socket.send('one'); socket.send('two'); };
          socket.onmessage = m => { heard.push(m.data); if (heard.length === 2) socket.close(); };
          socket.onerror = () => fetch('/said/failed');
          socket.onclose = () => fetch('/said/' + [text, ...heard].join('-'));
        });
        </script>
        """;

    [Fact]
    public async Task A_page_has_its_socket_over_http_2()
    {
        var chromium = Requires.Tool("chromium");
        await using var backend = ScriptedBackend.Start(ServeAsync);
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions
            {
                IsSecure = true,
                SpeaksHttp2 = false,
                Http = "upgrade_configs: [ { upgrade_type: websocket } ], ",
                AllowsConnect = true,
                Log = "%REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE%",
            },
            backend.Port);
        using var profile = new TempFolder();

        // The page says by a request what it has heard; the browser stays until it is ended.
        await using var browser = ChildProcess.Start(
            chromium,
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors", $"--user-data-dir={profile.Path}",
                "--remote-debugging-port=0", $"https://localhost:{proxy.Port}/",
            ]);
        await Patience.UntilAsync(() => backend.Requests.Any(static request => request.Target.StartsWith("/said/", StringComparison.Ordinal)), "what the page says");

        backend.Requests.Should().Contain(static request => request.Target == "/said/fetched-one-two");
        var log = string.Join('\n', await proxy.LogAsync(4));
        log.Should().Contain("/ HTTP/2 200").And.Contain("/fetched HTTP/2 200").And.Contain("/socket HTTP/2 200");
    }

    private static async Task ServeAsync(BackendConnection connection)
    {
        while (await connection.ReadRequestAsync() is { } request)
        {
            if (request.Headers["upgrade"] is null)
            {
                var (type, body) = request.Target == "/" ? ("text/html", Page) : ("text/plain", "fetched");
                await connection.SendAsync(BackendScripts.ResponseText(request.Target == "/favicon.ico" ? 404 : 200, body, [new("content-type", type)], withBody: true));
                continue;
            }

            var accept = AcceptOf(request.Headers["sec-websocket-key"]);
            await connection.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n");
            await EchoFramesAsync(connection);
            return;
        }
    }

    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "RFC 6455 asks for SHA-1; nothing is kept secret by it.")]
    private static string AcceptOf(string? key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));

    /// <summary>Sends each frame back without its mask (RFC 6455 section 5.2), until one says that it was the last.</summary>
    private static async Task EchoFramesAsync(BackendConnection connection)
    {
        while (true)
        {
            var head = await connection.ReadBytesAsync(6);
            var payload = await connection.ReadBytesAsync(head[1] & 0x7f);
            for (var i = 0; i < payload.Length; i++)
            {
                payload[i] ^= head[2 + (i % 4)];
            }

            byte[] frame = [head[0], (byte)payload.Length, .. payload];
            await connection.SendAsync(frame);
            if ((head[0] & 0xf) == 8)
            {
                return;
            }
        }
    }
}
