namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>What a relay saw of one connection: written by its two directions, read once both have ended.</summary>
internal sealed class Recording
{
    private readonly List<byte> _sent = [];
    private volatile bool _isAnswered = true;

    /// <summary>All that went to the server.</summary>
    public byte[] Bytes => [.. _sent];

    /// <summary>
    /// False where the connection ended before the server said a word to what came last: a client that gave up makes the proxy take a request
    /// back, and whether the server had read it by then is left to chance.
    /// </summary>
    public bool IsAnswered => _isAnswered;

    public void Sent(ReadOnlySpan<byte> bytes)
    {
        _isAnswered = false;
        _sent.AddRange(bytes);
    }

    public void Answered(ReadOnlySpan<byte> bytes) => _isAnswered |= !bytes.IsEmpty;
}
