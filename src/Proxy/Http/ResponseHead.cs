using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Http;

/// <summary>A response head: the status, also by HTTP/2's name <c>:status</c>, and the fields.</summary>
public sealed class ResponseHead : MessageHead
{
    private const int FirstStatus = 100;
    private const int Digits = 3;

    /// <summary>Every status as text, one behind the other.</summary>
    private static readonly byte[] StatusTexts =
        [.. Enumerable.Range(FirstStatus, 900).SelectMany(static status => Encoding.ASCII.GetBytes(status.ToString(CultureInfo.InvariantCulture)))];

    internal Slice ReasonSlice;

    /// <summary>Status code, 100 to 999 (RFC 9110 §15: three digits).</summary>
    public int Status { get; internal set; }

    /// <summary>Reason phrase as received; may be empty.</summary>
    public ReadOnlySpan<byte> Reason => Span(ReasonSlice);

    /// <summary>True where the status is not the one that came.</summary>
    internal bool HasOwnStatus { get; private set; }

    /// <summary>Puts another status in the place of the one that came.</summary>
    internal void ReplaceStatus(int status)
    {
        Status = status;
        HasOwnStatus = true;
    }

    /// <inheritdoc/>
    public override bool TryGet(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value)
    {
        if (!lowerCaseName.SequenceEqual(":status"u8))
        {
            return base.TryGet(lowerCaseName, out value);
        }

        value = Status >= FirstStatus ? StatusTexts.AsSpan((Status - FirstStatus) * Digits, Digits) : default;
        return !value.IsEmpty;
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        base.Reset();
        Status = 0;
        HasOwnStatus = false;
        ReasonSlice = default;
    }
}
