using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime.Mirroring;

/// <summary>
/// A copy of a request as it goes upstream, shared by all its mirrors; what it holds goes back once the last of them has ended. Belongs to one worker.
/// </summary>
internal sealed class MirroredRequest(BlockPool blocks, ReadOnlySpan<byte> head)
{
    private readonly Block _head = Copy(blocks, head);
    private readonly List<CompiledMirror> _mirrors = [];
    private int _holders = 1;

    /// <summary>Where copies go.</summary>
    public IReadOnlyList<CompiledMirror> Mirrors => _mirrors;

    /// <summary>The storage of the head: its first line, its fields and its empty line.</summary>
    public byte[] Head => _head.Bytes;

    /// <summary>Length of the head.</summary>
    public int HeadLength { get; } = head.Length;

    /// <summary>The body without its framing.</summary>
    public ReplayBuffer Body { get; } = new(blocks);

    /// <summary>Adds a mirror, before the request is sent to any.</summary>
    public void Add(CompiledMirror mirror) => _mirrors.Add(mirror);

    /// <summary>One more holder.</summary>
    public void Hold() => _holders++;

    /// <summary>One holder less; the last gives everything back.</summary>
    public void Release()
    {
        if (--_holders == 0)
        {
            blocks.Return(_head);
            Body.Clear();
        }
    }

    private static Block Copy(BlockPool blocks, ReadOnlySpan<byte> head)
    {
        var block = blocks.Rent(head.Length);
        head.CopyTo(block.Bytes);
        return block;
    }
}
