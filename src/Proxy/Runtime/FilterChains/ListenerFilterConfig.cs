namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>Settings of a filter that looks at a connection's first bytes before its filter chain is chosen.</summary>
public abstract record ListenerFilterConfig
{
    private protected ListenerFilterConfig()
    {
    }
}

/// <summary>Reads what a TLS client says of itself: Envoy's <c>tls_inspector</c>.</summary>
public sealed record TlsInspectorConfig : ListenerFilterConfig
{
    /// <summary>Longest ClientHello in bytes, with its record headers: 16 KiB, which is also the most that can be asked for.</summary>
    public const int LongestClientHello = 16 * 1024;

    /// <summary>Longest ClientHello that is read, in bytes with its record headers; a connection with a longer one is closed.</summary>
    public int MaxClientHelloBytes { get; init; } = LongestClientHello;

    /// <summary>True to close a connection whose first bytes are no ClientHello; false (the default) to take it for plain text.</summary>
    public bool ClosesOnParsingErrors { get; init; }
}

/// <summary>Finds out which version of HTTP a plain text client speaks: Envoy's <c>http_inspector</c>.</summary>
public sealed record HttpInspectorConfig : ListenerFilterConfig;
