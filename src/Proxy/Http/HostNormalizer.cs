using System.Buffers.Text;

namespace KubeProxyNet.Proxy.Http;

/// <summary>Which port is taken off the Host of a request.</summary>
public enum StripPortMode
{
    /// <summary>None.</summary>
    None,

    /// <summary>The port that the listener is bound to: Envoy's <c>strip_matching_host_port</c>.</summary>
    Matching,

    /// <summary>Any: Envoy's <c>strip_any_host_port</c>.</summary>
    Any,
}

/// <summary>Shortens the authority of a request before it is matched; what is left goes upstream. Immutable.</summary>
/// <param name="port">Which port is taken off.</param>
/// <param name="stripTrailingDot">True to take off the dot that ends a host name, before the port: Envoy's <c>strip_trailing_host_dot</c>.</param>
internal sealed class HostNormalizer(StripPortMode port, bool stripTrailingDot)
{
    /// <summary>Shortens the authority. The target of CONNECT keeps its port, which is part of its meaning (RFC 9110 §9.3.6).</summary>
    /// <param name="head">The request.</param>
    /// <param name="localPort">Port that the connection came in on.</param>
    public void Normalize(RequestHead head, int localPort)
    {
        var slice = head.AuthoritySlice;
        if (slice.IsEmpty || head.IsConnect)
        {
            return;
        }

        var authority = head.Bytes.AsSpan(slice.Offset, slice.Length);
        var length = slice.Length;
        var colon = PortStart(authority);
        if (stripTrailingDot)
        {
            StripDot(authority, ref colon, ref length);
        }

        if (colon >= 0 && port != StripPortMode.None
            && Utf8Parser.TryParse(authority[(colon + 1)..length], out uint number, out var consumed) && consumed == length - colon - 1
            && (port == StripPortMode.Any || number == localPort))
        {
            length = colon;
        }

        // A host of nothing but what was taken off stays as it is.
        if (length > 0)
        {
            head.AuthoritySlice = new Slice(slice.Offset, length);
        }
    }

    private static void StripDot(Span<byte> authority, ref int colon, ref int length)
    {
        var end = colon < 0 ? authority.Length : colon;
        if (end < 2 || authority[end - 1] != '.')
        {
            return;
        }

        authority[end..].CopyTo(authority[(end - 1)..]);
        length--;
        colon = colon < 0 ? -1 : colon - 1;
    }

    /// <summary>Offset of the colon before the port; -1 where there is none. Colons in brackets are those of an IPv6 address.</summary>
    private static int PortStart(ReadOnlySpan<byte> authority)
    {
        var colon = authority.LastIndexOf((byte)':');
        return colon > authority.LastIndexOf((byte)']') ? colon : -1;
    }
}
