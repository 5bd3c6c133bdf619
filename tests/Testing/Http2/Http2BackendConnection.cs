using System.Collections.Concurrent;
using System.Net.Sockets;

namespace KubeProxyNet.Testing.Http2;

/// <summary>The backend's end of one connection.</summary>
public sealed class Http2BackendConnection
{
    private readonly Http2Wire _wire;
    private readonly Http2Windows _sendWindows = new();
    private readonly Http2Windows _receiveWindows = new();
    private readonly ConcurrentDictionary<int, Http2BackendStream> _streams = new();
    private readonly ConcurrentQueue<Http2Frame> _received = new();
    private readonly ConcurrentQueue<Task> _scripts = new();
    private readonly ConcurrentQueue<Http2Setting[]> _sentSettings = new();
    private readonly Socket _socket;
    private int _highest;
    private int _lastTaken = int.MaxValue;

    internal Http2BackendConnection(ScriptedHttp2Backend backend, Socket socket, Stream stream, int number, CancellationToken stopping)
    {
        Backend = backend;
        _socket = socket;
        _wire = new Http2Wire(stream);
        Number = number;
        Stopping = stopping;
    }

    public ScriptedHttp2Backend Backend { get; }

    /// <summary>Counts the backend's connections, from 1.</summary>
    public int Number { get; }

    /// <summary>Cancelled when the backend is disposed.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>All frames that came so far.</summary>
    public IReadOnlyList<Http2Frame> Received => [.. _received];

    /// <summary>The streams that came so far, by their numbers; those that were not taken too.</summary>
    public IReadOnlyDictionary<int, Http2BackendStream> Streams => _streams;

    /// <summary>The most streams that were open at once when one was opened, since the peer knows this end's SETTINGS.</summary>
    public int MostOpen { get; private set; }

    /// <summary>The peer's settings so far.</summary>
    public ConcurrentDictionary<Http2SettingId, uint> PeerSettings { get; } = new();

    /// <summary>Set once the peer has acknowledged this end's SETTINGS.</summary>
    public Signal SettingsAcknowledged { get; } = new();

    /// <summary>Set by the peer's GOAWAY.</summary>
    public Signal PeerGoesAway { get; } = new();

    /// <summary>The peer's last GOAWAY; null for none.</summary>
    public Http2Frame? GoAway => _received.LastOrDefault(static frame => frame.Type == Http2FrameType.GoAway);

    /// <summary>Set once the connection has ended, from either side.</summary>
    public Signal Ended { get; } = new();

    /// <summary>Sends frames as they are, all at once.</summary>
    public Task SendAsync(params Http2Frame[] frames)
    {
        foreach (var frame in frames.Where(static f => f.Type == Http2FrameType.Settings && !f.IsAck && f.Payload.Length % 6 == 0))
        {
            _sentSettings.Enqueue([.. frame.Settings]);
        }

        return SendBytesAsync(Http2Frames.ToBytes(frames));
    }

    /// <summary>Sends any bytes.</summary>
    public Task SendBytesAsync(ReadOnlyMemory<byte> bytes) => _wire.SendAsync(bytes, Stopping);

    /// <summary>Sends GOAWAY. Streams above <paramref name="lastStreamId"/> are played no more, as it says.</summary>
    public Task GoAwayAsync(int lastStreamId, Http2ErrorCode error = Http2ErrorCode.NoError)
    {
        Volatile.Write(ref _lastTaken, lastStreamId);
        return SendAsync(Http2Frames.GoAway(lastStreamId, error));
    }

    /// <summary>Sends other settings than before.</summary>
    public Task SendSettingsAsync(params IReadOnlyList<Http2Setting> settings)
    {
        foreach (var setting in settings.Where(static s => s.Id == Http2SettingId.InitialWindowSize && s.Value >= Http2Windows.Default))
        {
            // A larger one may be used at once, by a peer whose acknowledgement is still under way; a smaller one holds from there on.
            _receiveWindows.SetInitial(setting.Value);
        }

        return SendAsync(Http2Frames.Settings(settings));
    }

    /// <summary>Gives a stream, or with 0 the connection, more room.</summary>
    public Task GiveWindowAsync(int streamId, int bytes)
    {
        _receiveWindows.Give(streamId, bytes);
        return SendAsync(Http2Frames.WindowUpdate(streamId, (uint)bytes));
    }

    /// <summary>Sends DATA as the peer's windows allow it.</summary>
    public async Task SendBodyAsync(int streamId, ReadOnlyMemory<byte> body, bool endStream = true)
    {
        do
        {
            var grown = _sendWindows.Grown;
            var count = _sendWindows.TakeUpTo(streamId, Math.Min(body.Length, Http2Wire.MaxFrame));
            if (count == 0 && !body.IsEmpty)
            {
                await grown.WaitAsync(Stopping);
                continue;
            }

            await SendAsync(Http2Frames.Data(streamId, body[..count].ToArray(), endStream && count == body.Length));
            body = body[count..];
        }
        while (!body.IsEmpty);
    }

    /// <summary>Closes in an orderly way, with FIN.</summary>
    public void Close()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // It is closed already.
        }
    }

    /// <summary>Ends the connection with RST.</summary>
    public void Reset() => _socket.Close(timeout: 0);

    /// <summary>For scripts of whole connections: reads the preface and sends this end's SETTINGS.</summary>
    public async Task GreetAsync()
    {
        await ReadPrefaceAsync();
        await SendSettingsAsync(Backend.Options.Settings);
    }

    /// <summary>For scripts of whole connections: reads the preface, and answers nothing.</summary>
    public async Task ReadPrefaceAsync()
    {
        var preface = await _wire.ReadBytesAsync(Http2Frames.Preface.Length, Stopping);
        if (!preface.AsSpan().SequenceEqual(Http2Frames.Preface))
        {
            throw new Http2ViolationException($"not the preface (section 3.4): {Convert.ToHexString(preface)}");
        }
    }

    /// <summary>For scripts of whole connections: the next frame, which is answered by nothing; null at the orderly end.</summary>
    public async Task<Http2Frame?> ReadFrameAsync()
    {
        var frame = await _wire.ReadAsync(Stopping);
        if (frame is not null)
        {
            _received.Enqueue(frame);
            Backend.Changed();
        }

        return frame;
    }

    /// <summary>For scripts of whole connections: everything else that a backend does, until the peer ends the connection.</summary>
    public async Task ServeAsync(Http2Script script)
    {
        try
        {
            var isFirst = true;
            while (await ReadFrameAsync() is { } frame)
            {
                Require(!isFirst || (frame.Type == Http2FrameType.Settings && !frame.IsAck), frame, "the first frame is not SETTINGS (section 3.4)");
                isFirst = false;
                await FollowAsync(frame, script);
            }
        }
        finally
        {
            foreach (var stream in _streams.Values)
            {
                stream.Receive(Http2Frames.Reset(stream.Id, Http2ErrorCode.InternalError));
            }

            await Task.WhenAll(_scripts);
        }
    }

    /// <summary>Waits until a frame came that fits, and returns it.</summary>
    public async Task<Http2Frame> WaitForFrameAsync(Func<Http2Frame, bool> fits, string what)
    {
        await Backend.WaitAsync(() => _received.Any(fits), $"{what} on connection {Number}");
        return _received.First(fits);
    }

    internal async Task GiveBackAsync(Http2Frame data)
    {
        if (Backend.Options.GivesWindowsBack && data.Payload.Length > 0 && !data.EndsStream)
        {
            await GiveWindowAsync(data.StreamId, data.Payload.Length);
        }
    }

    private static void Require(bool holds, Http2Frame frame, string what)
    {
        if (!holds)
        {
            throw new Http2ViolationException($"{what}: {frame}");
        }
    }

    private async Task FollowAsync(Http2Frame frame, Http2Script script)
    {
        switch (frame.Type)
        {
            case Http2FrameType.Settings when frame.IsAck:
                Require(_sentSettings.TryDequeue(out var settings), frame, "an acknowledgement of SETTINGS that were not sent");
                foreach (var setting in settings!.Where(static s => s.Id == Http2SettingId.InitialWindowSize))
                {
                    _receiveWindows.SetInitial(setting.Value);
                }

                SettingsAcknowledged.Set();
                break;
            case Http2FrameType.Settings:
                await FollowSettingsAsync(frame);
                break;
            case Http2FrameType.Ping when !frame.IsAck && Backend.Options.AnswersPing:
                await SendAsync(frame with { Flags = Http2Flags.Ack });
                break;
            case Http2FrameType.WindowUpdate:
                _sendWindows.Give(frame.StreamId, frame.Increment);
                break;
            case Http2FrameType.GoAway:
                PeerGoesAway.Set();
                break;
            case Http2FrameType.PushPromise:
                throw new Http2ViolationException($"a client pushes: {frame}");
            case Http2FrameType.Headers when frame.StreamId > _highest:
                await OpenAsync(frame, script);
                break;
            case Http2FrameType.Headers or Http2FrameType.Data or Http2FrameType.Reset:
                await ReceiveAsync(frame);
                break;
        }
    }

    private async Task FollowSettingsAsync(Http2Frame frame)
    {
        foreach (var setting in frame.Settings)
        {
            PeerSettings[setting.Id] = setting.Value;
            if (setting.Id == Http2SettingId.InitialWindowSize)
            {
                _sendWindows.SetInitial(setting.Value);
            }
        }

        await SendAsync(Http2Frames.SettingsAck());
    }

    private async Task OpenAsync(Http2Frame frame, Http2Script script)
    {
        Require(frame.StreamId % 2 == 1, frame, "a stream of the wrong parity (section 5.1.1)");
        Http2Fields.Check(frame.Fields, ":method", ":scheme", ":authority", ":path", ":protocol");
        _highest = frame.StreamId;
        var isTaken = frame.StreamId <= Volatile.Read(ref _lastTaken);
        var open = _streams.Values.Count(static s => s.IsOpen) + 1;
        var limit = Backend.Options.Settings.Where(static s => s.Id == Http2SettingId.MaxConcurrentStreams).Select(static s => (long)s.Value).DefaultIfEmpty(long.MaxValue).Last();
        var isRefused = isTaken && SettingsAcknowledged.IsSet && open > limit;

        // Its turn is settled before anybody can see it: a test that waits for a stream may open the next one at once.
        var stream = new Http2BackendStream(this, frame) { Turn = isTaken && !isRefused ? Backend.NextTurn() : 0 };
        MostOpen = isTaken && SettingsAcknowledged.IsSet ? Math.Max(MostOpen, open) : MostOpen;
        _streams[stream.Id] = stream;
        Backend.Changed();
        if (isRefused)
        {
            Backend.Refused();
            await stream.ResetAsync(Http2ErrorCode.RefusedStream);
        }

        if (stream.Turn == 0)
        {
            return;
        }

        _scripts.Enqueue(Task.Run(() => Backend.PlayAsync(() => script(stream)), CancellationToken.None));
    }

    private async Task ReceiveAsync(Http2Frame frame)
    {
        var isData = frame.Type == Http2FrameType.Data;
        Require(_streams.TryGetValue(frame.StreamId, out var stream), frame, "a frame on an idle stream (section 5.1)");
        Require(!isData || _receiveWindows.TryTake(frame.StreamId, frame.Payload.Length), frame, "more than the windows allow (section 6.9)");
        Require(!isData || stream!.ResetWith is null, frame, "DATA after RST_STREAM (section 5.1)");
        Require(frame.Type != Http2FrameType.Headers || frame.EndsStream, frame, "trailers that do not end the stream (section 8.1)");
        if (frame.Type == Http2FrameType.Headers)
        {
            Http2Fields.Check(frame.Fields);
        }

        if (isData && Backend.Options.GivesWindowsBack && frame.Payload.Length > 0)
        {
            await GiveWindowAsync(0, frame.Payload.Length);
        }

        stream!.Receive(frame);
    }
}
