using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <summary>Ready-made behaviours of an HTTP/2 backend, good and bad.</summary>
public static class Http2Scripts
{
    /// <summary>Reads each request and gives the same whole answer.</summary>
    public static Http2Script Answer(int status = 200, string body = "ok", params RawHeader[] fields) => async stream =>
    {
        await stream.ReadRequestAsync();
        await stream.AnswerAsync(status, body, fields);
    };

    /// <summary>Answers with the body and the trailers of the request, piece by piece while it comes.</summary>
    public static Http2Script EchoBody(params RawHeader[] trailers) => async stream =>
    {
        await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", stream.Fields["content-type"] ?? "text/plain"));
        while (await stream.ReadAsync() is { IsEmpty: false } piece)
        {
            await stream.SendDataAsync(piece);
        }

        if (trailers.Length > 0)
        {
            await stream.SendTrailersAsync(trailers);
        }
        else
        {
            await stream.SendDataAsync("", endStream: true);
        }
    };

    /// <summary>Reads each request, sends these frames as they are, for stream 1 or whatever they name, and no more.</summary>
    public static Http2Script Frames(Func<int, Http2Frame[]> frames) => async stream =>
    {
        await stream.ReadRequestAsync();
        await stream.Connection.SendAsync(frames(stream.Id));
    };

    /// <summary>Reads each request and resets it.</summary>
    public static Http2Script Reset(Http2ErrorCode error) => async stream =>
    {
        await stream.ReadRequestAsync();
        await stream.ResetAsync(error);
    };

    /// <summary>Resets each stream before reading any of its body.</summary>
    public static Http2Script Refuse() => stream => stream.ResetAsync(Http2ErrorCode.RefusedStream);

    /// <summary>Reads requests and never answers.</summary>
    public static Http2Script Hang() => async stream =>
    {
        await stream.ReadRequestAsync();
        await stream.WasReset.WaitAsync(stream.Connection.Stopping);
    };

    /// <summary>Takes no body at all: nothing is read on the stream, and no window is given back for it.</summary>
    public static Http2Script NeverRead() => static stream => stream.WasReset.WaitAsync(stream.Connection.Stopping);

    /// <summary>Waits for the signal before each stream's script.</summary>
    public static Http2Script After(Signal signal, Http2Script then) => async stream =>
    {
        await signal.WaitAsync(stream.Connection.Stopping);
        await then(stream);
    };

    /// <summary>So many 1xx heads before a script.</summary>
    public static Http2Script Interim(int count, int status, Http2Script then) => async stream =>
    {
        for (var i = 0; i < count; i++)
        {
            await stream.SendInterimAsync(status);
        }

        await then(stream);
    };

    /// <summary>The first script for the first stream that the backend plays, the second for the second, the last for all others.</summary>
    public static Http2Script InTurn(params Http2Script[] scripts) => stream => scripts[Math.Min(stream.Turn, scripts.Length) - 1](stream);
}
