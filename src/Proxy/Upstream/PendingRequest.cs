using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>A request that waits until one of a pool's connections is free, or until another may be opened. Used again and again.</summary>
internal sealed class PendingRequest(Worker worker)
{
    /// <summary>Set when the wait is over, one way or the other.</summary>
    public LoopSignal Over { get; } = new(worker);

    /// <summary>The stream that was handed over, with its connection; null where there may be room for a new one.</summary>
    public UpstreamStream? Stream { get; set; }

    /// <summary>The name that the connection must have been opened for; null for none. Set before it is queued.</summary>
    public string? RequestedName { get; set; }

    /// <summary>True where it may share a connection of HTTP/2, false where it needs one of HTTP/1.1 for itself.</summary>
    public bool WantsHttp2 { get; set; }

    /// <summary>How the connection ended that it waited for, where it was to be shared; null where it is to see for itself.</summary>
    public ConnectResult? Result { get; set; }

    /// <summary>errno of the connect that failed; 0 for none.</summary>
    public int ConnectError { get; set; }

    /// <summary>Why its handshake failed, as <see cref="UpstreamConnection.TransportFailure"/>; empty for nothing.</summary>
    public byte[] TransportFailure { get; set; } = [];

    /// <summary>True while it stands in a pool's queue.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Neighbours in the queue.</summary>
    public PendingRequest? Next { get; set; }

    /// <inheritdoc cref="Next"/>
    public PendingRequest? Previous { get; set; }
}
