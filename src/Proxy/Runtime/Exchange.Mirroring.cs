using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Routing;
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
        Parser.MaxHeadBytes = request.Head.Length;
        Parser.MaxFields = int.MaxValue;
        Parser.Underscores = HeadersWithUnderscoresAction.Allow;
        Parser.Begin(0);
        if (Parser.Parse(request.Head, request.HeadLength) != ParseStatus.Done)
        {
            return false;
        }

        Route = mirror.Route;
        Target = mirror.Target;
        return true;
    }

    private void KeepForMirror(ReadOnlySpan<byte> payload)
    {
        if (Mirrored is not null && !Mirrored.Body.TryAppend(payload))
        {
            // Counted with the retries that become impossible at the same length.
            if (Retry is not { IsActive: true })
            {
                Worker.Stats.Increment(Cluster!.State.Stats.RetryOrShadowAbandoned);
            }

            ResetMirror();
        }
    }

    private void ResetMirror()
    {
        Mirrored?.Release();
        Mirrored = null;
    }
}
