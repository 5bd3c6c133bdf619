namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// What becomes of a request whose header names have underscores, which servers that turn names into variables take for hyphens: Envoy's
/// <c>headers_with_underscores_action</c>.
/// </summary>
public enum HeadersWithUnderscoresAction
{
    /// <summary>Underscores are like other characters.</summary>
    Allow,

    /// <summary>The request gets 400 and its connection ends.</summary>
    RejectRequest,

    /// <summary>The header is dropped.</summary>
    DropHeader,
}
