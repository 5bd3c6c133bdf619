using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.Testing.Http2;

/// <summary>
/// One HTTP/2 connection that sends exactly the frames it is given and holds those that come to the RFC. It reads only while a test waits for something, and
/// then answers SETTINGS and PING and gives windows back, unless that is switched off. Every wait is bounded by <see cref="Patience.Limit"/>.
/// </summary>
public sealed partial class RawHttp2Client : IAsyncDisposable
{
    private readonly Http2Wire _wire;
    private readonly Http2Windows _sendWindows = new();
    private readonly Http2Windows _receiveWindows = new();
    private readonly List<Http2Frame> _pending = [];
    private readonly Queue<Http2Setting[]> _unacknowledged = new();
    private readonly HashSet<int> _ended = [];
    private long _pings;

    private RawHttp2Client(Socket socket, SslStream? secure)
    {
        Socket = socket;
        Secure = secure;
        _wire = new Http2Wire(secure ?? (Stream)new NetworkStream(socket));
    }

    public Socket Socket { get; }

    /// <summary>TLS on the socket; null for none.</summary>
    public SslStream? Secure { get; }

    /// <summary>Whether SETTINGS and PING are answered while something is waited for; true at first.</summary>
    public bool AnswersAutomatically { get; set; } = true;

    /// <summary>Whether windows are given back as DATA is read; true at first.</summary>
    public bool GivesWindowsBack { get; set; } = true;

    /// <summary>The stream that <see cref="OpenAsync(IEnumerable{RawHeader}, bool)"/> opens next.</summary>
    public int NextStreamId { get; set; } = 1;

    /// <summary>The peer's settings so far.</summary>
    public Dictionary<Http2SettingId, uint> PeerSettings { get; } = [];

    /// <summary>Connects in plain text to a port of 127.0.0.1.</summary>
    /// <param name="port">The port.</param>
    /// <param name="receiveBuffer">SO_RCVBUF in bytes for a client that reads little; null for the system's.</param>
    /// <param name="handshake">False to send nothing: neither preface nor SETTINGS.</param>
    /// <param name="settings">What the client's SETTINGS say.</param>
    public static async Task<RawHttp2Client> ConnectAsync(int port, int? receiveBuffer = null, bool handshake = true, params Http2Setting[] settings)
    {
        var client = new RawHttp2Client(await SocketToAsync(port, receiveBuffer), secure: null);
        return handshake ? await client.GreetAsync(settings) : client;
    }

    /// <summary>Connects by TLS to a port of 127.0.0.1, offers <c>h2</c> alone, and greets.</summary>
    /// <param name="port">The port.</param>
    /// <param name="roots">The authorities, in PEM, of which one must vouch for the server.</param>
    /// <param name="name">The server name to ask for.</param>
    public static Task<RawHttp2Client> ConnectTlsAsync(int port, string roots, string name = "web.test") =>
        ConnectTlsAsync(port, new SslClientAuthenticationOptions { TargetHost = name, AllowTlsResume = false, CertificateChainPolicy = Trust.In(roots) });

    /// <summary>Connects by TLS to a port of 127.0.0.1, and offers <c>h2</c> unless the options offer something.</summary>
    public static async Task<RawHttp2Client> ConnectTlsAsync(int port, SslClientAuthenticationOptions options, bool handshake = true, params Http2Setting[] settings)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ApplicationProtocols ??= [SslApplicationProtocol.Http2];
        var socket = await SocketToAsync(port, receiveBuffer: null);
        var secure = new SslStream(new NetworkStream(socket));
        try
        {
            using var deadline = new CancellationTokenSource(Patience.Limit);
            await secure.AuthenticateAsClientAsync(options, deadline.Token);
        }
        catch
        {
            await secure.DisposeAsync();
            socket.Dispose();
            throw;
        }

        var client = new RawHttp2Client(socket, secure);
        return handshake ? await client.GreetAsync(settings) : client;
    }

    /// <summary>Preface and SETTINGS, and waits for the peer's SETTINGS and its acknowledgement.</summary>
    public async Task<RawHttp2Client> GreetAsync(params Http2Setting[] settings)
    {
        await SendBytesAsync(Http2Frames.Preface.ToArray());
        await SendSettingsAsync(settings);
        var first = await ExpectAsync(static _ => true, "the server's SETTINGS");
        if (first.Type != Http2FrameType.Settings || first.IsAck)
        {
            throw new Http2ViolationException($"the first frame is not SETTINGS (section 3.4): {first}");
        }

        await ExpectSettingsAckAsync();
        return this;
    }

    /// <summary>Sends frames as they are, all at once.</summary>
    public Task SendAsync(params Http2Frame[] frames)
    {
        foreach (var frame in frames.Where(static f => f.Type == Http2FrameType.Settings && !f.IsAck && f.Payload.Length % 6 == 0))
        {
            ExpectAcknowledgement([.. frame.Settings]);
        }

        return SendBytesAsync(Http2Frames.ToBytes(frames));
    }

    /// <summary>SETTINGS that went with <see cref="SendBytesAsync"/> will be acknowledged.</summary>
    public void ExpectAcknowledgement(params Http2Setting[] settings) => _unacknowledged.Enqueue(settings);

    /// <summary>Sends any bytes.</summary>
    public async Task SendBytesAsync(ReadOnlyMemory<byte> bytes)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await _wire.SendAsync(bytes, deadline.Token);
    }

    /// <summary>Sends SETTINGS that will hold for what comes after their acknowledgement.</summary>
    public Task SendSettingsAsync(params Http2Setting[] settings)
    {
        _unacknowledged.Enqueue(settings);
        foreach (var setting in settings.Where(static s => s.Id == Http2SettingId.InitialWindowSize && s.Value >= Http2Windows.Default))
        {
            // A larger one may be used at once by a peer whose acknowledgement is still under way.
            _receiveWindows.SetInitial(setting.Value);
        }

        return SendBytesAsync(Http2Frames.ToBytes(Http2Frames.Settings(settings)));
    }

    /// <summary>Opens the next stream with a header block of literals and returns its number.</summary>
    public async Task<int> OpenAsync(IEnumerable<RawHeader> fields, bool endStream = true)
    {
        var id = NextStreamId;
        NextStreamId += 2;
        await SendAsync(Http2Frames.Headers(id, fields, endStream));
        return id;
    }

    /// <summary>Sends a body as the peer's windows allow it, and reads meanwhile.</summary>
    public async Task SendBodyAsync(int streamId, ReadOnlyMemory<byte> body, bool endStream = true)
    {
        do
        {
            var count = _sendWindows.TakeUpTo(streamId, Math.Min(body.Length, Http2Wire.MaxFrame));
            if (count == 0 && !body.IsEmpty)
            {
                _pending.Add(await ReadFrameAsync());
                continue;
            }

            await SendAsync(Http2Frames.Data(streamId, body[..count].ToArray(), endStream && count == body.Length));
            body = body[count..];
        }
        while (!body.IsEmpty);
    }

    /// <summary>Counts what is sent as frames.</summary>
    public void TakeWindow(int streamId, int bytes) => _sendWindows.TakeUpTo(streamId, bytes);

    /// <summary>What the peer's windows leave for a stream.</summary>
    public long SendWindowOf(int streamId) => _sendWindows.Of(streamId);

    /// <summary>Gives a stream, or with 0 the connection, more room, and remembers it.</summary>
    public Task GiveWindowAsync(int streamId, int bytes)
    {
        _receiveWindows.Give(streamId, bytes);
        return SendAsync(Http2Frames.WindowUpdate(streamId, (uint)bytes));
    }

    /// <summary>Sends FIN and goes on reading.</summary>
    public void ShutdownSend() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Disappears with RST.</summary>
    public void Reset() => Socket.Close(timeout: 0);

    public ValueTask DisposeAsync()
    {
        Socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<Socket> SocketToAsync(int port, int? receiveBuffer)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } size)
        {
            socket.ReceiveBufferSize = size;
        }

        using var deadline = new CancellationTokenSource(Patience.Limit);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), deadline.Token);
        return socket;
    }
}
