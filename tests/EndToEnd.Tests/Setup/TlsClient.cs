using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>A TLS connection to a port of this machine that takes whatever certificate it is shown, and remembers it.</summary>
internal sealed class TlsClient : IAsyncDisposable
{
    private readonly SslStream _stream;

    private TlsClient(SslStream stream) => _stream = stream;

    /// <summary>The server's certificate in PEM form.</summary>
    public string Certificate { get; private set; } = "";

    /// <summary>Connects and shakes hands.</summary>
    /// <param name="port">The port on 127.0.0.1.</param>
    /// <param name="serverName">The name to ask for; null for none.</param>
    /// <exception cref="AuthenticationException">The server refused.</exception>
    /// <exception cref="IOException">The server closed instead of answering.</exception>
    public static async Task<TlsClient> ConnectAsync(int port, string? serverName)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
        var client = new TlsClient(new SslStream(new NetworkStream(socket, ownsSocket: true)));
        try
        {
            await client._stream.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = serverName ?? "",

                    // A resumed session has the certificate that it began with.
                    AllowTlsResume = false,
                    RemoteCertificateValidationCallback = (_, certificate, _, _) => client.Keep(certificate),
                },
                TestContext.Current.CancellationToken);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>A GET for a host on this connection, whose answer has a body with a length.</summary>
    /// <returns>The status.</returns>
    public async Task<int> GetAsync(string host)
    {
        await _stream.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(_stream, Encoding.ASCII, bufferSize: 1, leaveOpen: true);
        var status = int.Parse((await LineAsync(reader)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        var length = 0;
        for (var line = await LineAsync(reader); line.Length > 0; line = await LineAsync(reader))
        {
            if (line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase))
            {
                length = int.Parse(line.AsSpan("content-length:".Length), provider: System.Globalization.CultureInfo.InvariantCulture);
            }
        }

        if (length > 0)
        {
            await reader.ReadBlockAsync(new char[length], TestContext.Current.CancellationToken);
        }

        return status;
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private bool Keep(X509Certificate? shown)
    {
        Certificate = shown is X509Certificate2 certificate ? certificate.ExportCertificatePem() + "\n" : "";
        return Certificate.Length > 0;
    }

    private static async Task<string> LineAsync(StreamReader reader) =>
        await reader.ReadLineAsync(TestContext.Current.CancellationToken) ?? throw new IOException("the connection ended inside a head");
}
