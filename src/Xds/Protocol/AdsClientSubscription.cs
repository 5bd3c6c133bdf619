namespace KubeProxyNet.Xds.Protocol;

/// <summary>What a proxy knows about one resource type.</summary>
internal sealed class AdsClientSubscription(string typeUrl)
{
    public string TypeUrl { get; } = typeUrl;

    public bool IsWildcard { get; set; }

    /// <summary>The names subscribed to; empty with a wildcard.</summary>
    public SortedSet<string> Names { get; set; } = new(StringComparer.Ordinal);

    /// <summary>The version of the last response that was accepted in full; empty before the first one.</summary>
    public string AcceptedVersion { get; set; } = string.Empty;

    /// <summary>Whether the last response was refused in part, so that what is in use is no version of the control plane's.</summary>
    public bool IsMixed { get; set; }

    /// <summary>The nonce of the last response of this stream; empty before the first one.</summary>
    public string Nonce { get; set; } = string.Empty;

    /// <summary>The reason to send with the next request; null where there is none.</summary>
    public string? Error { get; set; }

    /// <summary>The names of the resources that are in use, as far as responses told.</summary>
    public HashSet<string> Known { get; } = new(StringComparer.Ordinal);

    public bool Wants(string name) => IsWildcard || Names.Contains(name);
}
