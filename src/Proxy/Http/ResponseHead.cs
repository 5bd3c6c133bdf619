namespace KubeProxyNet.Proxy.Http;

/// <summary>A response head: the status and the fields.</summary>
public sealed class ResponseHead : MessageHead
{
    internal Slice ReasonSlice;

    /// <summary>Status code, 100 to 999 (RFC 9110 §15: three digits).</summary>
    public int Status { get; internal set; }

    /// <summary>Reason phrase as received; may be empty.</summary>
    public ReadOnlySpan<byte> Reason => Span(ReasonSlice);

    /// <inheritdoc/>
    internal override void Reset()
    {
        base.Reset();
        Status = 0;
        ReasonSlice = default;
    }
}
