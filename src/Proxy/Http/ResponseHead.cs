using System.Buffers.Text;

namespace KubeProxyNet.Proxy.Http;

/// <summary>A response head: the status, also by HTTP/2's name <c>:status</c>, and the fields.</summary>
public sealed class ResponseHead : MessageHead
{
    internal Slice ReasonSlice;
    private readonly byte[] _statusText = new byte[3];

    /// <summary>Status code, 100 to 999 (RFC 9110 §15: three digits).</summary>
    public int Status { get; internal set; }

    /// <summary>Reason phrase as received; may be empty.</summary>
    public ReadOnlySpan<byte> Reason => Span(ReasonSlice);

    /// <inheritdoc/>
    public override bool TryGet(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value)
    {
        if (!lowerCaseName.SequenceEqual(":status"u8))
        {
            return base.TryGet(lowerCaseName, out value);
        }

        Utf8Formatter.TryFormat(Status, _statusText, out var length);
        value = _statusText.AsSpan(0, length);
        return length > 0;
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        base.Reset();
        Status = 0;
        ReasonSlice = default;
    }
}
