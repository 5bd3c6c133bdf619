using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>A connection that has made one request and keeps still.</summary>
internal sealed class IdleConnection : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly byte[] Request = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"u8.ToArray();

    private readonly Socket _socket;
    private SslStream? _tls;

    private IdleConnection(Socket socket) => _socket = socket;

    /// <summary>Nothing to read; a connection that the proxy closed is readable. Over TLS a closing proxy says so before, in plain text the body may be unread.</summary>
    public bool IsOpen => (_tls is null && _socket.Available > 0) || !_socket.Poll(0, SelectMode.SelectRead);

    /// <summary>A connection from 127.0.0.(2 + address) with one request answered.</summary>
    /// <param name="certificate">What the proxy presents; null for plain text.</param>
    /// <param name="bodySize">Of the answer, in bytes.</param>
    public static async Task<IdleConnection> OpenAsync(int port, int address, ServerCertificate? certificate, int bodySize, CancellationToken cancel)
    {
        var connection = new IdleConnection(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            patience.CancelAfter(Patience);
            connection._socket.Bind(new IPEndPoint(new IPAddress([127, 0, 0, (byte)(2 + address)]), 0));
            await connection._socket.ConnectAsync(IPAddress.Loopback, port, cancel);
            await (certificate is null ? connection.AskAsync(patience.Token) : connection.AskAsync(certificate, bodySize, patience.Token));
            return connection;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            connection.Dispose();
            throw new LoadException($"no answer to the first request of a connection in {Patience.TotalSeconds} s");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tls?.Dispose();
        _socket.Dispose();
    }

    private async Task AskAsync(CancellationToken cancel)
    {
        await _socket.SendAsync(Request, cancel);
        var buffer = new byte[4096];
        var received = await _socket.ReceiveAsync(buffer, cancel);
        MustBeOk(buffer, received);
    }

    /// <summary>Reads the whole answer: what is left unread could not be told from a proxy that closes.</summary>
    private async Task AskAsync(ServerCertificate certificate, int bodySize, CancellationToken cancel)
    {
        _tls = new SslStream(new NetworkStream(_socket));
        await _tls.AuthenticateAsClientAsync(certificate.ClientOptions(), cancel);
        await _tls.WriteAsync(Request, cancel);
        var buffer = new byte[4096 + bodySize];
        for (var received = 0; ;)
        {
            var read = await _tls.ReadAsync(buffer.AsMemory(received), cancel);
            received += read;
            MustBeOk(buffer, received);
            var head = buffer.AsSpan(0, received).IndexOf("\r\n\r\n"u8);
            if (head >= 0 && received - head - 4 >= bodySize)
            {
                return;
            }

            if (read == 0)
            {
                throw new LoadException($"the answer ended too soon: {Encoding.Latin1.GetString(buffer, 0, received)}");
            }
        }
    }

    private static void MustBeOk(byte[] buffer, int received)
    {
        if (!buffer.AsSpan(0, received).StartsWith("HTTP/1.1 200"u8))
        {
            throw new LoadException($"not answered with 200: {Encoding.Latin1.GetString(buffer, 0, received)}");
        }
    }
}
