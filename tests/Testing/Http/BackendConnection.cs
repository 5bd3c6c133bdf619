using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KubeProxyNet.Testing.Http;

/// <summary>The backend's end of one accepted connection: what a <see cref="BackendScript"/> plays with.</summary>
public sealed class BackendConnection
{
    private readonly ScriptedBackend _backend;
    private readonly WireReader _wire;
    private int _requests;

    internal BackendConnection(ScriptedBackend backend, Socket socket, int number, CancellationToken stopping)
    {
        _backend = backend;
        _wire = new WireReader(socket);
        Socket = socket;
        Number = number;
        Stopping = stopping;
        RemoteEndPoint = (IPEndPoint)socket.RemoteEndPoint!;
    }

    /// <summary>Counts the backend's connections, from 1.</summary>
    public int Number { get; }

    public Socket Socket { get; }

    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>Cancelled when the backend is disposed.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>The name that <see cref="BackendScripts.Echo"/> answers with.</summary>
    public string BackendName => _backend.Name;

    /// <summary>All bytes that came, read as requests or not.</summary>
    public byte[] Received => _wire.Everything;

    /// <summary>Set once the connection has ended, from either side.</summary>
    public Signal Ended { get; } = new();

    /// <summary>Reads one request with its body and enters it in the ledger; null at the orderly end of the connection.</summary>
    public async Task<RawRequest?> ReadRequestAsync() => await ReadHeadAsync() is { } head ? await ReadBodyAsync(head) : null;

    /// <summary>Reads a request's head only, for scripts that answer before the body. Nothing enters the ledger yet.</summary>
    public async Task<RawRequest?> ReadHeadAsync()
    {
        _wire.BeginMessage();
        if (!await _wire.HasMoreAsync(Stopping))
        {
            return null;
        }

        var line = await _wire.ReadLineAsync(Stopping);
        var parts = line.Split(' ');
        if (parts.Length != 3 || parts.Any(p => p.Length == 0) || parts[2] is not ("HTTP/1.1" or "HTTP/1.0"))
        {
            throw _wire.Fault(FramingFault.Malformed, $"not a request line: '{line}'");
        }

        var headers = await MessageReader.ReadFieldsAsync(_wire, Stopping);
        return new RawRequest(Number, ++_requests, parts[0], parts[1], parts[2], headers, [], RawHeaders.Empty, _wire.Message);
    }

    /// <summary>Reads the body that belongs to a head and enters the whole request in the ledger.</summary>
    public async Task<RawRequest> ReadBodyAsync(RawRequest head)
    {
        ArgumentNullException.ThrowIfNull(head);
        var (framing, length) = MessageReader.DeclaredFraming(_wire, head.Headers);
        using var body = new MemoryStream();
        var trailers = await MessageReader.ReadBodyAsync(_wire, framing, length, body, Stopping);
        return _backend.Enter(head with { Body = body.ToArray(), Trailers = trailers });
    }

    /// <summary>Exactly so many bytes, for scripts that speak something else behind a request.</summary>
    public async Task<byte[]> ReadBytesAsync(int count)
    {
        using var bytes = new MemoryStream();
        _wire.BeginMessage();
        await _wire.ReadExactlyAsync(count, bytes, Stopping);
        return bytes.ToArray();
    }

    /// <summary>Sends text as Latin-1 bytes; line ends are the caller's.</summary>
    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await Socket.SendAsync(bytes, SocketFlags.None, Stopping)..];
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

    /// <summary>Exactly so many raw bytes, as text in Latin-1.</summary>
    public async Task<string> ReadTextAsync(int count)
    {
        using var bytes = new MemoryStream();
        _wire.BeginMessage();
        await _wire.ReadExactlyAsync(count, bytes, Stopping);
        return Encoding.Latin1.GetString(bytes.ToArray());
    }

    /// <summary>Everything up to the orderly end, as text in Latin-1.</summary>
    public async Task<string> ReadTextToEndAsync()
    {
        using var bytes = new MemoryStream();
        _wire.BeginMessage();
        await _wire.ReadToEndAsync(bytes, Stopping);
        return Encoding.Latin1.GetString(bytes.ToArray());
    }

    /// <summary>Reads and drops until the peer ends the connection.</summary>
    public async Task DrainAsync()
    {
        using var rest = new MemoryStream();
        await _wire.ReadToEndAsync(rest, Stopping);
    }

    /// <summary>Sends FIN and goes on reading.</summary>
    public void ShutdownSend() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Ends the connection with RST.</summary>
    public void Reset() => Socket.Close(timeout: 0);
}
