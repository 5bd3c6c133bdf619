namespace KubeProxyNet.Proxy.Listeners.Tcp;

/// <summary>Why a connection ends that did not end in both directions by itself.</summary>
internal enum TcpEnd : byte
{
    None,

    /// <summary>The client reset its connection.</summary>
    ClientGone,

    /// <summary>The endpoint reset its connection.</summary>
    UpstreamGone,

    /// <summary>The endpoint ended a connection of TLS without saying so: what came before goes to the client, and nothing says that it was all.</summary>
    UpstreamCut,

    /// <summary>It was idle or open for too long.</summary>
    TimeOver,

    /// <summary>The process is short of memory, of which it holds much.</summary>
    Memory,
}
