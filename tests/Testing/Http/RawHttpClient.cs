using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace KubeProxyNet.Testing.Http;

/// <summary>How a connection ended.</summary>
public enum ConnectionEnd
{
    /// <summary>FIN: an orderly end.</summary>
    Orderly,

    /// <summary>RST.</summary>
    Reset,
}

/// <summary>One TCP connection that sends exactly the bytes it is given and reads responses strictly. Every wait is bounded by <see cref="Patience.Limit"/>.</summary>
public sealed class RawHttpClient : IAsyncDisposable
{
    private readonly WireReader _wire;

    private RawHttpClient(Socket socket, SslStream? secure = null)
    {
        Socket = socket;
        Secure = secure;
        _wire = new WireReader(socket, secure);
    }

    /// <summary>TLS on the socket; null for none.</summary>
    public SslStream? Secure { get; }

    public Socket Socket { get; }

    /// <summary>The client's own end, as the proxy sees its peer.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)Socket.LocalEndPoint!;

    /// <summary>Connects to a port of 127.0.0.1. No delay is set, so each send leaves as a segment of its own.</summary>
    /// <param name="receiveBuffer">SO_RCVBUF in bytes for a client that reads little; null for the system's.</param>
    /// <param name="from">Address to come from, such as 127.0.0.5; null for the system's choice.</param>
    public static async Task<RawHttpClient> ConnectAsync(int port, int? receiveBuffer = null, IPAddress? from = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } size)
        {
            socket.ReceiveBufferSize = size;
        }

        if (from is not null)
        {
            socket.Bind(new IPEndPoint(from, 0));
        }

        using var deadline = new CancellationTokenSource(Patience.Limit);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), deadline.Token);
        return new RawHttpClient(socket);
    }

    /// <summary>Connects to a port of 127.0.0.1 and agrees on TLS. What the two do not agree on is thrown.</summary>
    /// <param name="receiveBuffer">SO_RCVBUF in bytes for a client that reads little; null for the system's.</param>
    public static async Task<RawHttpClient> ConnectTlsAsync(int port, SslClientAuthenticationOptions options, int? receiveBuffer = null)
    {
        var plain = await ConnectAsync(port, receiveBuffer);
        var secure = new SslStream(new NetworkStream(plain.Socket));
        try
        {
            using var deadline = new CancellationTokenSource(Patience.Limit);
            await secure.AuthenticateAsClientAsync(options, deadline.Token);
            return new RawHttpClient(plain.Socket, secure);
        }
        catch
        {
            await secure.DisposeAsync();
            plain.Socket.Dispose();
            throw;
        }
    }

    /// <summary>One request on a connection of its own: connect, send, read the response, close.</summary>
    public static async Task<RawResponse> ExchangeAsync(int port, string request, string method = "GET")
    {
        await using var client = await ConnectAsync(port);
        await client.SendAsync(request);
        return await client.ReadResponseAsync(method);
    }

    /// <summary>A GET with nothing but a host field, on a connection of its own.</summary>
    public static Task<RawResponse> GetAsync(int port, string target = "/", string host = "localhost") =>
        ExchangeAsync(port, $"GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");

    /// <summary>Sends text as Latin-1 bytes; line ends are the caller's.</summary>
    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        if (Secure is not null)
        {
            await Secure.WriteAsync(bytes, deadline.Token);
            return;
        }

        while (!bytes.IsEmpty)
        {
            bytes = bytes[await Socket.SendAsync(bytes, SocketFlags.None, deadline.Token)..];
        }
    }

    /// <summary>Sends each byte in a segment of its own.</summary>
    public async Task SendByteByByteAsync(string text)
    {
        foreach (var b in Encoding.Latin1.GetBytes(text))
        {
            await SendAsync(new[] { b });
        }
    }

    /// <summary>Sends the text in segments cut at the given offsets.</summary>
    public async Task SendSplitAsync(string text, params int[] cuts)
    {
        var from = 0;
        foreach (var cut in cuts.Append(text.Length))
        {
            await SendAsync(text[from..cut]);
            from = cut;
        }
    }

    /// <summary>
    /// Reads one final response with its body, and the 1xx heads before it. Throws <see cref="RawFramingException"/> where the bytes are not
    /// exactly one, and <see cref="OperationCanceledException"/> when nothing comes.
    /// </summary>
    /// <param name="method">The request's: an answer to HEAD has no body (RFC 9110, section 9.3.2).</param>
    public async Task<RawResponse> ReadResponseAsync(string method = "GET")
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        var interim = new List<RawResponse>();
        while (true)
        {
            var head = await ReadHeadAsync(deadline.Token);
            if (head.Status is >= 100 and < 200 and not 101)
            {
                interim.Add(head);
                continue;
            }

            return await ReadBodyAsync(head with { Interim = interim }, method, deadline.Token);
        }
    }

    /// <summary>Reads one head, 1xx or final, and leaves the body unread.</summary>
    public async Task<RawResponse> ReadHeadAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        return await ReadHeadAsync(deadline.Token);
    }

    /// <summary>Exactly so many raw bytes.</summary>
    public async Task<byte[]> ReadBytesAsync(int count)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        using var bytes = new MemoryStream();
        _wire.BeginMessage();
        await _wire.ReadExactlyAsync(count, bytes, deadline.Token);
        return bytes.ToArray();
    }

    /// <summary>Everything up to the orderly end of the connection. A reset throws <see cref="RawFramingException"/>.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        using var bytes = new MemoryStream();
        _wire.BeginMessage();
        await _wire.ReadToEndAsync(bytes, deadline.Token);
        return bytes.ToArray();
    }

    /// <summary>Waits until the peer ends the connection without another byte; a byte throws <see cref="RawFramingException"/>.</summary>
    public async Task<ConnectionEnd> WaitForEndAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        _wire.BeginMessage();
        try
        {
            return await _wire.HasMoreAsync(deadline.Token)
                ? throw _wire.Fault(FramingFault.Malformed, "bytes where the end of the connection was expected")
                : ConnectionEnd.Orderly;
        }
        catch (RawFramingException e) when (e.Fault == FramingFault.Reset)
        {
            return ConnectionEnd.Reset;
        }
    }

    /// <summary>Sends FIN and goes on reading.</summary>
    public void ShutdownSend() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Announces the end of what is sent over TLS (<c>close_notify</c>), without FIN, and goes on reading.</summary>
    public Task AnnounceEndAsync() => Secure!.ShutdownAsync();

    /// <summary>Disappears with RST.</summary>
    public void Reset() => Socket.Close(timeout: 0);

    public ValueTask DisposeAsync()
    {
        Socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<RawResponse> ReadHeadAsync(CancellationToken cancel)
    {
        _wire.BeginMessage();
        var line = await _wire.ReadLineAsync(cancel);
        var parts = line.Split(' ', 3);
        if (parts.Length != 3 || parts[0] is not ("HTTP/1.1" or "HTTP/1.0") || parts[1].Length != 3 || !int.TryParse(parts[1], out var status))
        {
            throw _wire.Fault(FramingFault.Malformed, $"not a status line: '{line}'");
        }

        var headers = await MessageReader.ReadFieldsAsync(_wire, cancel);
        return new RawResponse(parts[0], status, parts[2], headers, [], BodyFraming.None, RawHeaders.Empty, [], _wire.Message);
    }

    private async Task<RawResponse> ReadBodyAsync(RawResponse head, string method, CancellationToken cancel)
    {
        var (framing, length) = MessageReader.DeclaredFraming(_wire, head.Headers);
        if (method is "HEAD" || head.Status is 101 or 204 or 304)
        {
            return head;
        }

        framing = framing == BodyFraming.None ? BodyFraming.UntilClose : framing;
        using var body = new MemoryStream();
        try
        {
            var trailers = await MessageReader.ReadBodyAsync(_wire, framing, length, body, cancel);
            return head with { Body = body.ToArray(), Framing = framing, Trailers = trailers };
        }
        catch (RawFramingException e)
        {
            throw new RawFramingException(e.Fault, e.Message, e.Received)
            {
                Partial = head with { Body = body.ToArray(), Framing = framing },
            };
        }
    }
}
