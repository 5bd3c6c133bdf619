namespace KubeProxyNet.Proxy.Listeners;

/// <summary>A client connection in whatever stage of its life, as its listener knows it. Belongs to one worker.</summary>
internal abstract class DownstreamConnection
{
    /// <summary>Neighbours in the worker's list of connections.</summary>
    public DownstreamConnection? Next { get; set; }

    /// <inheritdoc cref="Next"/>
    public DownstreamConnection? Previous { get; set; }

    /// <summary>Its place under the limits on connections; whoever has the connection at its end gives it back.</summary>
    public ConnectionPlace Place { get; set; }

    /// <summary>Bytes that the connection holds because its ends do not take or complete them.</summary>
    public abstract int HeldBytes { get; }

    /// <summary>Ends the connection at once, with everything that it holds.</summary>
    public abstract void ResetForMemory();

    /// <summary>The listener or the proxy goes away.</summary>
    /// <param name="idleGraceMs">How long a connection may stay idle, in milliseconds.</param>
    public abstract void Drain(long idleGraceMs);
}
