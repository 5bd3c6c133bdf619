namespace KubeProxyNet.Testing.Http2;

/// <summary>The peer under test broke a rule that its other end is to rely on: a test fails by it.</summary>
public sealed class Http2ViolationException(string message) : Exception(message);

/// <summary>The connection ended where a frame was waited for.</summary>
/// <param name="isReset">True for RST (or an end inside a frame), false for an orderly end.</param>
public sealed class Http2EndedException(bool isReset, string message) : Exception(message)
{
    public bool IsReset { get; } = isReset;
}

/// <summary>The peer reset the stream, or said that it goes away without having taken it.</summary>
public sealed class Http2ResetException(int streamId, Http2ErrorCode error, string message) : Exception(message)
{
    public int StreamId { get; } = streamId;

    public Http2ErrorCode Error { get; } = error;

    /// <summary>As much of the response as had come; null where not even its head had.</summary>
    public Http2Response? Partial { get; init; }
}
