using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Tls;

/// <summary>One HTTP/1.1 connection by TLS, of the platform's own implementation. It sends nothing twice and continues no session.</summary>
public sealed class SecureClient : IAsyncDisposable
{
    private readonly TcpClient _tcp;
    private readonly SslStream _tls;

    private SecureClient(TcpClient tcp, SslStream tls) => (_tcp, _tls) = (tcp, tls);

    /// <summary>The serial number of the server's certificate, in hexadecimal digits.</summary>
    public string ServerSerial => ((X509Certificate2)_tls.RemoteCertificate!).SerialNumber;

    /// <summary>Connects to a port of 127.0.0.1 and agrees on keys.</summary>
    /// <param name="port">The port.</param>
    /// <param name="roots">The authorities, in PEM, of which one must vouch for the server.</param>
    /// <param name="certificate">What is presented where the server asks; null for nothing.</param>
    /// <param name="name">The server name to ask for.</param>
    public static async Task<SecureClient> ConnectAsync(int port, string roots, TestCertificate? certificate = null, string name = "web.test")
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        var tcp = new TcpClient { NoDelay = true };
        var tls = (SslStream?)null;
        try
        {
            await tcp.ConnectAsync(IPAddress.Loopback, port, deadline.Token);
            tls = new SslStream(tcp.GetStream());
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = name,
                    AllowTlsResume = false,
                    CertificateChainPolicy = Trust.In(roots),
                    ClientCertificateContext = certificate is null ? null : ContextOf(certificate),
                },
                deadline.Token);
            return new SecureClient(tcp, tls);
        }
        catch
        {
            await (tls?.DisposeAsync() ?? ValueTask.CompletedTask);
            tcp.Dispose();
            throw;
        }
    }

    /// <summary>A GET, and the status and body of its answer. Throws <see cref="IOException"/> where there is none.</summary>
    /// <param name="target">Path.</param>
    /// <param name="id">Value of <see cref="SteadyTraffic.IdHeader"/>.</param>
    public async Task<(int Status, string Body)> GetAsync(string target = "/", string id = "")
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await _tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nhost: web.test\r\n{SteadyTraffic.IdHeader}: {id}\r\n\r\n"), deadline.Token);
        var received = new StringBuilder();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var text = received.ToString();
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0 && text.Length - end - 4 >= LengthOf(text))
            {
                return (int.Parse(text.AsSpan(9, 3), CultureInfo.InvariantCulture), text[(end + 4)..]);
            }

            var count = await _tls.ReadAsync(buffer, deadline.Token);
            received.Append(count > 0 ? Encoding.Latin1.GetString(buffer, 0, count) : throw new IOException($"the connection ended after: {text}"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _tls.DisposeAsync();
        _tcp.Dispose();
    }

    private static SslStreamCertificateContext ContextOf(TestCertificate certificate)
    {
        var others = new X509Certificate2Collection();
        others.ImportFromPem(certificate.Chain);
        others.RemoveAt(0);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(certificate.Pem, certificate.Key), others, offline: true);
    }

    private static int LengthOf(string head)
    {
        const string Field = "content-length: ";
        var at = head.IndexOf(Field, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? 0 : int.Parse(head.AsSpan(at + Field.Length, head.IndexOf('\r', at) - at - Field.Length), CultureInfo.InvariantCulture);
    }
}
