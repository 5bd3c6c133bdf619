using System.Text;
using System.Threading.Channels;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <summary>The backend's end of one stream: what a <see cref="Http2Script"/> plays with.</summary>
public sealed class Http2BackendStream
{
    private readonly Channel<Http2Frame> _frames = Channel.CreateUnbounded<Http2Frame>();
    private readonly List<byte> _body = [];
    private RawHeaders _trailers = RawHeaders.Empty;
    private Http2Request? _request;
    private volatile bool _peerHasEnded;
    private volatile bool _isReset;

    internal Http2BackendStream(Http2BackendConnection connection, Http2Frame head)
    {
        Connection = connection;
        Id = head.StreamId;
        Fields = head.Fields;
        HasEnded = _peerHasEnded = head.EndsStream;
    }

    public Http2BackendConnection Connection { get; }

    public int Id { get; }

    /// <summary>Its place among the streams that the backend plays, over all connections, from 1; 0 for one that it does not play.</summary>
    public int Turn { get; internal init; }

    /// <summary>The fields of the request's head, pseudo-header fields too.</summary>
    public RawHeaders Fields { get; }

    public string Method => Fields[":method"] ?? "";

    public string Path => Fields[":path"] ?? "";

    /// <summary>Set once the peer has reset the stream; <see cref="ResetWith"/> says how.</summary>
    public Signal WasReset { get; } = new();

    /// <summary>The code that the peer reset the stream with; null while it has not.</summary>
    public Http2ErrorCode? ResetWith { get; private set; }

    /// <summary>True once everything that the peer has to say has been read by the script.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>True once this end has said everything.</summary>
    public bool HasSentEnd { get; private set; }

    /// <summary>Whether the stream counts for SETTINGS_MAX_CONCURRENT_STREAMS.</summary>
    internal bool IsOpen => !_isReset && !(_peerHasEnded && HasSentEnd);

    /// <summary>The next bytes of the body; empty at its end. Throws <see cref="Http2ResetException"/>.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync()
    {
        while (!HasEnded)
        {
            var frame = await _frames.Reader.ReadAsync(Connection.Stopping);
            HasEnded = frame.EndsStream;
            if (frame.Type == Http2FrameType.Reset)
            {
                throw new Http2ResetException(Id, frame.Error, $"the peer sent {frame}");
            }

            if (frame.Type == Http2FrameType.Headers)
            {
                _trailers = frame.Fields;
                break;
            }

            _body.AddRange(frame.Data.Span);
            await Connection.GiveBackAsync(frame);
            if (!frame.Data.IsEmpty)
            {
                return frame.Data;
            }
        }

        _request ??= Enter();
        return default;
    }

    /// <summary>Reads the request to its end and enters it in the ledger. Throws <see cref="Http2ResetException"/>.</summary>
    public async Task<Http2Request> ReadRequestAsync()
    {
        while (!(await ReadAsync()).IsEmpty)
        {
            // The body collects them.
        }

        return _request!;
    }

    /// <summary>Waits until the peer resets the stream, whatever else comes.</summary>
    public async Task<Http2ErrorCode> WaitForResetAsync()
    {
        await WasReset.WaitAsync(Connection.Stopping);
        return ResetWith!.Value;
    }

    /// <summary>A head of 1xx.</summary>
    public Task SendInterimAsync(int status = 100, params RawHeader[] fields) => Connection.SendAsync(Http2Frames.Headers(Id, Http2Fields.Response(status, fields)));

    public Task SendHeadAsync(int status, bool endStream = false, params RawHeader[] fields)
    {
        HasSentEnd |= endStream;
        return Connection.SendAsync(Http2Frames.Headers(Id, Http2Fields.Response(status, fields), endStream));
    }

    /// <summary>Sends a part of the body, or all of it, as the peer's windows allow it.</summary>
    public async Task SendDataAsync(ReadOnlyMemory<byte> bytes, bool endStream = false)
    {
        HasSentEnd |= endStream;
        await Connection.SendBodyAsync(Id, bytes, endStream);
    }

    public Task SendDataAsync(string text, bool endStream = false) => SendDataAsync(Encoding.Latin1.GetBytes(text), endStream);

    public Task SendTrailersAsync(params RawHeader[] fields)
    {
        HasSentEnd = true;
        return Connection.SendAsync(Http2Frames.Headers(Id, fields, endStream: true));
    }

    public Task ResetAsync(Http2ErrorCode error)
    {
        HasSentEnd = _isReset = true;
        return Connection.SendAsync(Http2Frames.Reset(Id, error));
    }

    /// <summary>A whole response with a content-length; without a body to HEAD, and where the status has none.</summary>
    public async Task AnswerAsync(int status = 200, string body = "", params RawHeader[] fields)
    {
        var bytes = Encoding.Latin1.GetBytes(body);
        RawHeader[] all = status == 204 ? fields : [.. fields, new("content-length", $"{bytes.Length}")];
        var hasBody = bytes.Length > 0 && Method != "HEAD";
        await SendHeadAsync(status, !hasBody, all);
        if (hasBody)
        {
            await SendDataAsync(bytes, endStream: true);
        }
    }

    internal void Receive(Http2Frame frame)
    {
        if (frame.Type == Http2FrameType.Reset)
        {
            ResetWith = frame.Error;
            _isReset = true;
            WasReset.Set();
        }

        _peerHasEnded |= frame.EndsStream;
        _frames.Writer.TryWrite(frame);
    }

    private Http2Request Enter()
    {
        var request = new Http2Request(Connection.Number, Id, Fields, [.. _body], _trailers);
        Connection.Backend.Enter(request);
        return request;
    }
}
