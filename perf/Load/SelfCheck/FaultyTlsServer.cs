using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.SelfCheck;

/// <summary>What a <see cref="FaultyTlsServer"/> does wrong.</summary>
internal enum TlsFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Too few bytes of body, then a proper end of TLS.</summary>
    Cut,

    /// <summary>Too few bytes of body, then the end of the connection.</summary>
    Tear,

    /// <summary>More bytes than the head says.</summary>
    Lengthen,

    /// <summary>A body that is shorter than the backend's, with a head that says so.</summary>
    Shorten,

    /// <summary>Status 503.</summary>
    Refuse,

    /// <summary>The end of the connection in place of a handshake.</summary>
    HangUp,

    /// <summary>A whole answer, and no proper end of TLS.</summary>
    NoNotify,
}

/// <summary>A TLS server in this process whose every tenth connection has a fault. It keeps count of the answers that were in order.</summary>
internal sealed class FaultyTlsServer : IAsyncDisposable
{
    public const int BodySize = 50;
    private const int FaultEvery = 10;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly SslServerAuthenticationOptions _options;
    private readonly TlsFault _fault;
    private readonly Task _accepting;
    private int _connections;
    private int _sound;

    /// <summary>Starts to listen.</summary>
    /// <param name="resumes">Whether sessions can be resumed.</param>
    public FaultyTlsServer(ServerCertificate certificate, TlsFault fault, bool resumes)
    {
        _fault = fault;
        _certificate = X509Certificate2.CreateFromPemFile(certificate.ChainFile, certificate.KeyFile);
        _options = new SslServerAuthenticationOptions
        {
            // One context for all connections: tickets are encrypted with keys of its own.
            ServerCertificateContext = SslStreamCertificateContext.Create(_certificate, additionalCertificates: null, offline: true),
            EnabledSslProtocols = SslProtocols.Tls13,
            AllowTlsResume = resumes,
        };
        _listener.Start(backlog: 512);
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Answers that were sent in full and in order.</summary>
    public int Sound => Volatile.Read(ref _sound);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        _certificate.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            for (; ; )
            {
                serving.Add(ServeAsync(await _listener.AcceptSocketAsync(), _connections++ % FaultEvery == FaultEvery - 1 ? _fault : TlsFault.None));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was stopped.
        }

        await Task.WhenAll(serving);
    }

    private async Task ServeAsync(Socket socket, TlsFault fault)
    {
        using (socket)
        {
            try
            {
                if (fault != TlsFault.HangUp)
                {
                    await using var tls = new SslStream(new NetworkStream(socket));
                    await tls.AuthenticateAsServerAsync(_options);
                    await AnswerAsync(tls, fault);
                    if (fault is not (TlsFault.Tear or TlsFault.NoNotify))
                    {
                        await tls.ShutdownAsync();
                    }

                    socket.Shutdown(SocketShutdown.Send);
                }
            }
            catch (Exception e) when (e is IOException or AuthenticationException or SocketException)
            {
                // The generator gave this connection up, as it should with a fault.
            }
        }
    }

    private async Task AnswerAsync(SslStream tls, TlsFault fault)
    {
        var request = new byte[4096];
        var received = 0;
        while (!request.AsSpan(0, received).EndsWith("\r\n\r\n"u8))
        {
            var read = await tls.ReadAsync(request.AsMemory(received));
            if (read == 0)
            {
                return;
            }

            received += read;
        }

        var (status, said, sent) = fault switch
        {
            TlsFault.Cut or TlsFault.Tear => (200, BodySize, BodySize - 20),
            TlsFault.Lengthen => (200, BodySize, BodySize + 20),
            TlsFault.Shorten => (200, BodySize - 20, BodySize - 20),
            TlsFault.Refuse => (503, BodySize, BodySize),
            _ => (200, BodySize, BodySize),
        };
        if (fault is TlsFault.None or TlsFault.NoNotify)
        {
            // Before it is sent: the generator may read it and end before this thread goes on.
            Interlocked.Increment(ref _sound);
        }

        await tls.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} -\r\nContent-Length: {said}\r\n\r\n{new string('x', sent)}"));
    }
}
