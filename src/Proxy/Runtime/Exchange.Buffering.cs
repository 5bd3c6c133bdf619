using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime.Retries;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The request's body where a filter wants to have all of it before it goes upstream.</summary>
internal sealed partial class Exchange
{
    private bool _isBuffering;
    private bool _injectsLength;

    /// <summary>How the body is framed for the upstream: as the client did, with its length where all of it is here, or in chunks where a filter makes it another length.</summary>
    public BodyFraming UpstreamRequestFraming =>
        _isBuffering && _injectsLength && Call?.Bridge is not { IsUpgraded: true } ? new BodyFraming(BodyKind.ContentLength, BytesReceived)
        : (Call?.Web is not null || Call?.Bridge is { IsUpgraded: true }) && !Downstream.RequestFraming.IsEmpty ? BodyFraming.Chunked
        : Downstream.RequestFraming;

    /// <summary>Begins to keep the body, with what came with the head. False where that is too much already.</summary>
    /// <param name="limit">Most bytes to keep.</param>
    /// <param name="injectsLength">True where the upstream is told its length, whatever the client said.</param>
    public bool TryBeginBuffering(int limit, bool injectsLength)
    {
        _injectsLength = injectsLength || (_isBuffering && _injectsLength);
        if (Replay is { } kept)
        {
            // A redirect that is followed here brings the body that is kept already.
            _isBuffering = true;
            BytesReceived = kept.Length;
            return kept.Length <= limit;
        }

        var first = FirstBody;
        BytesReceived = first.Length;
        _isBuffering = true;
        if (Downstream.IsRequestBuffered)
        {
            return first.Length <= limit;
        }

        Replay = _replayBuffer ??= new ReplayBuffer(Worker.Blocks);
        Replay.Limit = limit;
        return Replay.TryAppend(first);
    }

    /// <summary>Keeps more of it; false where that is too much.</summary>
    public bool TryBuffer(ReadOnlySpan<byte> payload)
    {
        BytesReceived += payload.Length;
        return Replay!.TryAppend(payload);
    }
}
