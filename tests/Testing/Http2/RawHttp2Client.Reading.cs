using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <content>What is read and waited for.</content>
public sealed partial class RawHttp2Client
{
    /// <summary>The next frame from the wire, after what is kept up with by it. Throws <see cref="Http2EndedException"/> at the end of the connection.</summary>
    public async Task<Http2Frame> ReadFrameAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        var frame = await _wire.ReadAsync(deadline.Token) ?? throw new Http2EndedException(isReset: false, "the connection ended in an orderly way");
        await KeepUpAsync(frame);
        return frame;
    }

    /// <summary>The first frame that fits, of those that came and were not asked for, or of those to come; the others are kept.</summary>
    public async Task<Http2Frame> ExpectAsync(Func<Http2Frame, bool> fits, string what)
    {
        for (var next = 0; ; next++)
        {
            if (next == _pending.Count)
            {
                try
                {
                    _pending.Add(await ReadFrameAsync());
                }
                catch (Exception e) when (e is Http2EndedException or OperationCanceledException)
                {
                    var came = string.Join("\n", _pending.TakeLast(20));
                    throw e is Http2EndedException ended
                        ? new Http2EndedException(ended.IsReset, $"{e.Message}; waited for {what}; what came and was not asked for:\n{came}")
                        : new TimeoutException($"waited {Patience.Limit.TotalSeconds} s for {what}; what came and was not asked for:\n{came}", e);
                }
            }

            if (fits(_pending[next]))
            {
                var found = _pending[next];
                _pending.RemoveAt(next);
                return found;
            }
        }
    }

    /// <summary>The next frame of a type, on a stream where one is given. Of PING and SETTINGS, one that is no acknowledgement.</summary>
    public Task<Http2Frame> ExpectAsync(Http2FrameType type, int? streamId = null) =>
        ExpectAsync(frame => frame.Type == type && !frame.IsAck && (streamId is not { } id || frame.StreamId == id), $"{type}{(streamId is null ? "" : $"[{streamId}]")}");

    public Task<Http2Frame> ExpectSettingsAckAsync() => ExpectAsync(static frame => frame.Type == Http2FrameType.Settings && frame.IsAck, "the acknowledgement of SETTINGS");

    /// <summary>GOAWAY with that code; any other is a <see cref="Http2ViolationException"/>.</summary>
    public async Task<Http2Frame> ExpectGoAwayAsync(Http2ErrorCode error)
    {
        var frame = await ExpectAsync(static frame => frame.Type == Http2FrameType.GoAway, $"GOAWAY with {error}");
        return frame.Error == error ? frame : throw new Http2ViolationException($"GOAWAY with {error} was due, not {frame}");
    }

    /// <summary>A connection error (RFC 9113 section 5.4.1): GOAWAY with that code, and the end of the connection.</summary>
    public async Task<Http2Frame> ExpectConnectionErrorAsync(Http2ErrorCode error)
    {
        var frame = await ExpectGoAwayAsync(error);
        await ExpectEndAsync();
        return frame;
    }

    /// <summary>A stream error (section 5.4.2): RST_STREAM with that code, and a connection that goes on.</summary>
    public async Task ExpectStreamErrorAsync(int streamId, Http2ErrorCode error)
    {
        var frame = await ExpectAsync(
            frame => frame.Type == Http2FrameType.GoAway || (frame.Type == Http2FrameType.Reset && frame.StreamId == streamId), $"RST_STREAM[{streamId}] with {error}");
        if (frame.Type != Http2FrameType.Reset || frame.Error != error)
        {
            throw new Http2ViolationException($"RST_STREAM[{streamId}] with {error} was due, not {frame}");
        }

        await PingAsync();
    }

    /// <summary>Waits until the connection has ended, and returns what came before that and was not asked for.</summary>
    public async Task<IReadOnlyList<Http2Frame>> ExpectEndAsync()
    {
        try
        {
            while (true)
            {
                _pending.Add(await ReadFrameAsync());
            }
        }
        catch (Http2EndedException)
        {
            return [.. _pending];
        }
    }

    /// <summary>Sends PING and waits for its answer: the peer has then dealt with all that was sent before, and the connection is alive.</summary>
    public async Task PingAsync()
    {
        var opaque = Interlocked.Increment(ref _pings) | 0x6b706e0000000000;
        await SendAsync(Http2Frames.Ping(opaque));
        var expected = Http2Frames.Ping(opaque, ack: true).Payload;
        var frame = await ExpectAsync(
            frame => frame.Type == Http2FrameType.GoAway || (frame.Type == Http2FrameType.Ping && frame.IsAck), "the answer to PING");
        if (frame.Type != Http2FrameType.Ping || !frame.Payload.SequenceEqual(expected))
        {
            throw new Http2ViolationException($"the answer to PING was due, not {frame}");
        }
    }

    /// <summary>Hands out, once, all frames that came so far and were not asked for.</summary>
    public IReadOnlyList<Http2Frame> TakePending()
    {
        Http2Frame[] taken = [.. _pending];
        _pending.Clear();
        return taken;
    }

    /// <summary>One request without a body, and its response.</summary>
    public async Task<Http2Response> GetAsync(string path = "/") => await ReadResponseAsync(await OpenAsync(Http2Fields.Get(path)));

    /// <summary>One request and its response.</summary>
    public async Task<Http2Response> ExchangeAsync(IEnumerable<RawHeader> fields, byte[]? body = null)
    {
        var id = await OpenAsync(fields, endStream: body is null);
        if (body is not null)
        {
            await SendBodyAsync(id, body);
        }

        return await ReadResponseAsync(id);
    }

    /// <summary>Reads the whole response of a stream. Throws <see cref="Http2ResetException"/> where the peer resets the stream.</summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="isHead">True for an answer to HEAD, whose length is not that of what comes.</param>
    public async Task<Http2Response> ReadResponseAsync(int streamId, bool isHead = false)
    {
        var interim = new List<RawHeaders>();
        Http2Response? response = null;
        using var body = new MemoryStream();
        while (true)
        {
            var frame = await ExpectAsync(frame => IsOf(frame, streamId), $"the response of stream {streamId}");
            if (frame.Type is Http2FrameType.Reset or Http2FrameType.GoAway)
            {
                throw new Http2ResetException(streamId, frame.Error, $"{frame}") { Partial = response is null ? null : response with { Body = body.ToArray() } };
            }

            if (frame.Type == Http2FrameType.Data)
            {
                body.Write((response is null ? throw new Http2ViolationException($"DATA before a head: {frame}") : frame.Data).Span);
            }
            else if (response is null)
            {
                response = HeadOf(frame);
                if (response.Status is >= 100 and < 200)
                {
                    interim.Add(frame.EndsStream ? throw new Http2ViolationException($"the stream ends with a 1xx (section 8.1): {frame}") : response.Fields);
                    response = null;
                }
            }
            else
            {
                Http2Fields.Check(frame.Fields);
                response = response with { Trailers = frame.EndsStream ? frame.Fields : throw new Http2ViolationException($"trailers that do not end the stream (section 8.1): {frame}") };
            }

            if (frame.EndsStream)
            {
                return Whole(response! with { Body = body.ToArray(), Interim = interim }, isHead);
            }
        }
    }

    private static bool IsOf(Http2Frame frame, int streamId) => frame.Type switch
    {
        Http2FrameType.GoAway => frame.LastStreamId < streamId,
        Http2FrameType.Headers or Http2FrameType.Data or Http2FrameType.Reset => frame.StreamId == streamId,
        _ => false,
    };

    private static Http2Response HeadOf(Http2Frame frame)
    {
        Http2Fields.Check(frame.Fields, ":status");
        return frame.Fields[":status"] is { Length: 3 } text && int.TryParse(text, out var status)
            ? new Http2Response(frame.StreamId, status, frame.Fields, [], RawHeaders.Empty, [])
            : throw new Http2ViolationException($"no status (section 8.3.2): {frame}");
    }

    private static Http2Response Whole(Http2Response response, bool isHead) =>
        isHead || response.Status == 304 || response.Fields["content-length"] is not { } length || length == $"{response.Body.Length}"
            ? response
            : throw new Http2ViolationException($"content-length is {length}, the body has {response.Body.Length} bytes (section 8.1.1)");

    /// <summary>What each frame changes, and the answers that it asks for.</summary>
    private async Task KeepUpAsync(Http2Frame frame)
    {
        switch (frame.Type)
        {
            case Http2FrameType.Settings when frame.IsAck:
                Acknowledged(_unacknowledged.TryDequeue(out var settings) ? settings : throw new Http2ViolationException("an acknowledgement of SETTINGS that were not sent"));
                break;
            case Http2FrameType.Settings:
                await FollowAsync(frame);
                break;
            case Http2FrameType.Ping when !frame.IsAck && AnswersAutomatically:
                await AnswerAsync(frame with { Flags = Http2Flags.Ack });
                break;
            case Http2FrameType.WindowUpdate:
                _sendWindows.Give(frame.StreamId, frame.Increment);
                break;
            case Http2FrameType.PushPromise:
                throw new Http2ViolationException($"PUSH_PROMISE of a proxy: {frame}");
            case Http2FrameType.Data:
                await ReceivedAsync(frame);
                break;
        }

        if (frame.Type is Http2FrameType.Data or Http2FrameType.Headers && _ended.Contains(frame.StreamId))
        {
            throw new Http2ViolationException($"a frame after the end of its stream (section 5.1): {frame}");
        }

        if (frame.EndsStream || frame.Type == Http2FrameType.Reset)
        {
            _ended.Add(frame.StreamId);
        }
    }

    private async Task FollowAsync(Http2Frame frame)
    {
        foreach (var setting in frame.Settings)
        {
            PeerSettings[setting.Id] = setting.Value;
            if (setting.Id == Http2SettingId.InitialWindowSize)
            {
                _sendWindows.SetInitial(setting.Value);
            }
        }

        if (AnswersAutomatically)
        {
            await AnswerAsync(Http2Frames.SettingsAck());
        }
    }

    /// <summary>A peer that has gone meanwhile is met where the test reads on.</summary>
    private async Task AnswerAsync(Http2Frame frame)
    {
        try
        {
            await SendAsync(frame);
        }
        catch (Http2EndedException)
        {
            // What the peer sent before is still to be read.
        }
    }

    private void Acknowledged(Http2Setting[] settings)
    {
        foreach (var setting in settings)
        {
            if (setting.Id == Http2SettingId.InitialWindowSize)
            {
                _receiveWindows.SetInitial(setting.Value);
            }
            else if (setting.Id == Http2SettingId.HeaderTableSize)
            {
                _wire.Hpack.Allow((int)setting.Value);
            }
        }
    }

    private async Task ReceivedAsync(Http2Frame frame)
    {
        if (!_receiveWindows.TryTake(frame.StreamId, frame.Payload.Length))
        {
            throw new Http2ViolationException($"more than the windows allow (section 6.9): {frame}");
        }

        if (!GivesWindowsBack || frame.Payload.Length == 0)
        {
            return;
        }

        _receiveWindows.Give(0, frame.Payload.Length);
        await AnswerAsync(Http2Frames.WindowUpdate(0, (uint)frame.Payload.Length));
        if (!frame.EndsStream)
        {
            _receiveWindows.Give(frame.StreamId, frame.Payload.Length);
            await AnswerAsync(Http2Frames.WindowUpdate(frame.StreamId, (uint)frame.Payload.Length));
        }
    }
}
