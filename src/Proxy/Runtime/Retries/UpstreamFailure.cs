namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>Why an attempt gave no response that can be passed on: what a retry policy judges, and what the answer of our own tells.</summary>
internal enum UpstreamFailure : byte
{
    None,

    /// <summary>No connection could be made; the endpoint has seen nothing of the request.</summary>
    ConnectFailure,

    /// <summary>The connection did not stand in time.</summary>
    ConnectTimeout,

    /// <summary>A circuit breaker of the cluster is open; nothing was sent.</summary>
    Overflow,

    /// <summary>The upstream ended or reset the connection.</summary>
    Reset,

    /// <summary>The upstream reset the stream, and may have processed the request.</summary>
    RemoteReset,

    /// <summary>The upstream has said that it did not begin to process the request: REFUSED_STREAM, or GOAWAY that does not name the stream.</summary>
    RefusedStream,

    /// <summary>The upstream's answer is no HTTP.</summary>
    ProtocolError,

    /// <summary>The attempt took longer than it may.</summary>
    PerTryTimeout,

    /// <summary>No byte moved for longer than the attempt allows.</summary>
    PerTryIdleTimeout,

    /// <summary>The attempt has reached the longest duration that its cluster allows.</summary>
    StreamDuration,

    /// <summary>The response of another attempt, which ran beside this one, goes to the client.</summary>
    Superseded,

    /// <summary>The exchange as a whole was aborted.</summary>
    Aborted,
}
