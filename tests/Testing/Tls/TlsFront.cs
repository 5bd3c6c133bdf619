using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.Testing.Tls;

/// <summary>
/// TLS in front of a plain backend: a real server by the platform's own implementation of TLS, whose bytes go on to the backend and back. It keeps a ledger of its handshakes, and
/// announces its end or does not, as the test wants it.
/// </summary>
public sealed class TlsFront : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<TlsHandshake> _handshakes = new();
    private readonly ConcurrentQueue<Task> _running = new();
    private readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    private readonly int _backendPort;
    private readonly Task _accepting;
    private readonly bool _sendsChain;
    private readonly bool _announcesEnd;
    private readonly Action<SslServerAuthenticationOptions>? _configure;
    private int _failed;

    private TlsFront(int backendPort, TestCertificate certificate, bool sendsChain, bool announcesEnd, Action<SslServerAuthenticationOptions>? configure)
    {
        _backendPort = backendPort;
        _sendsChain = sendsChain;
        _announcesEnd = announcesEnd;
        _configure = configure;
        Certificate = certificate;
        _listener.Start(512);
        _accepting = Task.Run(AcceptAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Presented in handshakes that begin from now on.</summary>
    public TestCertificate Certificate { get; set; }

    /// <summary>The authority, in PEM, that clients' certificates must come from, for handshakes that begin from now on; null to ask for none.</summary>
    public string? ClientAuthority { get; set; }

    /// <summary>The handshakes that went well so far.</summary>
    public IReadOnlyList<TlsHandshake> Handshakes => [.. _handshakes];

    /// <summary>Handshakes that failed so far.</summary>
    public int Failed => Volatile.Read(ref _failed);

    /// <summary>A front on a free port of 127.0.0.1.</summary>
    /// <param name="backendPort">Where bytes go on to.</param>
    /// <param name="certificate">See <see cref="Certificate"/>.</param>
    /// <param name="sendsChain">False to present the leaf alone, without the intermediates.</param>
    /// <param name="announcesEnd">False to end connections without saying so in TLS (RFC 8446 section 6.1).</param>
    /// <param name="configure">Changes the options of a handshake before it begins.</param>
    public static TlsFront Start(int backendPort, TestCertificate certificate, bool sendsChain = true, bool announcesEnd = true, Action<SslServerAuthenticationOptions>? configure = null) =>
        new(backendPort, certificate, sendsChain, announcesEnd, configure);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        foreach (var client in _open.Keys)
        {
            client.Dispose();
        }

        await Task.WhenAll(_running);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
                client.NoDelay = true;
                _open[client] = true;
                _running.Enqueue(Task.Run(() => ServeAsync(client)));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The test is over, or the peer was.
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: true);
            if (!await TryAuthenticateAsync(tls))
            {
                return;
            }

            using var backend = new TcpClient { NoDelay = true };
            await backend.ConnectAsync(IPAddress.Loopback, _backendPort, _stopping.Token);
            var stream = backend.GetStream();
            var up = ForwardAsync(tls, stream, backend);
            await stream.CopyToAsync(tls, _stopping.Token);
            if (_announcesEnd)
            {
                await tls.ShutdownAsync();
            }

            client.Client.Shutdown(SocketShutdown.Send);
            await up;
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // Either peer may go at any time.
        }
        finally
        {
            _open.TryRemove(client, out _);
            client.Dispose();
        }
    }

    private static async Task ForwardAsync(SslStream from, NetworkStream to, TcpClient backend)
    {
        try
        {
            await from.CopyToAsync(to);
            backend.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // What the backend has to say goes down all the same.
        }
    }

    private async Task<bool> TryAuthenticateAsync(SslStream tls)
    {
        var certificate = Certificate;
        var name = "";
        try
        {
            var options = Options(certificate);
            await tls.AuthenticateAsServerAsync(
                (_, hello, _, _) =>
                {
                    name = hello.ServerName;
                    return new ValueTask<SslServerAuthenticationOptions>(options);
                },
                null,
                _stopping.Token);
        }
        catch (Exception e) when (e is System.Security.Authentication.AuthenticationException or IOException)
        {
            Interlocked.Increment(ref _failed);
            return false;
        }

        var names = tls.RemoteCertificate is X509Certificate2 remote
            ? string.Join(' ', remote.Extensions.OfType<X509SubjectAlternativeNameExtension>().Select(static extension => extension.Format(multiLine: false)))
            : "";
        _handshakes.Enqueue(new TlsHandshake(name, tls.NegotiatedApplicationProtocol.ToString(), tls.SslProtocol.ToString(), names, certificate));
        return true;
    }

    private SslServerAuthenticationOptions Options(TestCertificate certificate)
    {
        var others = new X509Certificate2Collection();
        if (_sendsChain)
        {
            others.ImportFromPem(certificate.Chain);
            others.RemoveAt(0);
        }

        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(certificate.Pem, certificate.Key), others, offline: true),
            ClientCertificateRequired = ClientAuthority is not null,

            // A session that is continued has the client's certificate, but not those that vouch for it, and could not be judged again.
            AllowTlsResume = ClientAuthority is null,
            RemoteCertificateValidationCallback = (_, presented, sent, _) => ClientAuthority is not { } authority || (presented is X509Certificate2 leaf && IsFrom(leaf, sent, authority)),
        };
        _configure?.Invoke(options);
        return options;
    }

    private static bool IsFrom(X509Certificate2 leaf, X509Chain? others, string authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(authority);
        chain.ChainPolicy.ExtraStore.AddRange(others?.ChainPolicy.ExtraStore ?? []);
        return chain.Build(leaf);
    }
}
