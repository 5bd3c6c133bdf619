using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Mirroring;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Copies of the request that go to other clusters.</summary>
internal sealed partial class Exchange
{
    /// <summary>The copy while it is being made; null where the request is not mirrored, or no longer.</summary>
    public MirroredRequest? Mirrored { get; set; }

    /// <summary>Fills this exchange, which is a spare one, with a copy of another's request; both then go their own ways. False where it cannot be.</summary>
    public bool TryBeginMirror(MirrorStream stream, Exchange original, MirroredRequest request, CompiledMirror mirror)
    {
        Begin(stream, original._state!, original.RemoteAddress, original.LocalAddress, original.ConnectionId);
        Snapshot = original.Snapshot;
        StartMs = Worker.NowMs;
        StartWallTicks = Worker.WallClockTicks;

        // It was judged before, and has what the route added.
        if (!TryReadHead(request.Head, request.HeadLength))
        {
            return false;
        }

        Route = mirror.Route;
        Target = mirror.Target;
        return true;
    }

    /// <summary>Copies the body of a request that is complete: what came with its head, or what is kept of it because a filter or a redirect wanted it whole.</summary>
    public void MirrorWholeBody()
    {
        var isCopied = true;
        if (Replay is not { } kept)
        {
            isCopied = KeepForMirror(FirstBody);
        }
        else
        {
            for (var i = 0; i < kept.PieceCount && isCopied; i++)
            {
                isCopied = KeepForMirror(kept.Piece(i));
            }
        }

        if (!isCopied)
        {
            Worker.Stats.Increment(Cluster!.State.Stats.RetryOrShadowAbandoned);
        }
    }

    /// <summary>False where the body has become too long to be copied.</summary>
    private bool KeepForMirror(ReadOnlySpan<byte> payload)
    {
        if (Mirrored is null || Mirrored.Body.TryAppend(payload))
        {
            return true;
        }

        ResetMirror();
        return false;
    }

    private void ResetMirror()
    {
        Mirrored?.Release();
        Mirrored = null;
    }
}
