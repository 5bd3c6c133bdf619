using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The response where a filter wants to have all of it before the client gets any.</summary>
internal sealed partial class Exchange
{
    private ReplayBuffer? _responseBuffer;
    private Block? _heldHead;

    /// <summary>What is to become of the response's body; the default to pass it on as it comes.</summary>
    public StreamBuffering ResponseBuffering { get; set; }

    /// <summary>What is held of the response's body; null where nothing is.</summary>
    public ReplayBuffer? HeldResponse { get; private set; }

    /// <summary>Pieces of <see cref="HeldResponse"/> that were sent.</summary>
    public int HeldPiecesSent { get; set; }

    /// <summary>Bytes of bodies that are held until they are whole, or for another attempt.</summary>
    public int HeldBytes => (Replay?.Length ?? 0) + (HeldResponse?.Length ?? 0);

    /// <summary>Begins to hold the body.</summary>
    /// <param name="limit">Most bytes to hold.</param>
    public ReplayBuffer BeginHeldResponse(int limit)
    {
        HeldResponse = _responseBuffer ??= new ReplayBuffer(Worker.Blocks);
        HeldResponse.Limit = limit;
        HeldPiecesSent = 0;
        return HeldResponse;
    }

    /// <summary>Moves the response's head to where it outlives a wait; it may stand in memory that others use meanwhile.</summary>
    public void KeepHeadOf(UpstreamStream upstream)
    {
        if (_heldHead is not null)
        {
            return;
        }

        var head = upstream.Head;
        _heldHead = Worker.Blocks.Rent(upstream.HeadEnd);
        head.Bytes.AsSpan(0, upstream.HeadEnd).CopyTo(_heldHead.Bytes);
        upstream.DropHead();
        head.Bytes = _heldHead.Bytes;
    }

    /// <summary>The head was sent.</summary>
    public void EndHeldHead()
    {
        if (_heldHead is { } block)
        {
            _heldHead = null;
            Worker.Blocks.Return(block);
        }
    }

    /// <summary>The body was sent, or is not wanted any more.</summary>
    public void EndHeldResponse()
    {
        EndHeldHead();
        if (HeldResponse is { } held)
        {
            HeldResponse = null;
            held.Clear();
        }
    }

    private void ResetHeldResponse()
    {
        ResponseBuffering = default;
        EndHeldResponse();
    }
}
