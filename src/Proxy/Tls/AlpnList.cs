using System.Text;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>Lists of protocols as ALPN sends them: each name with its length before it (RFC 7301 section 3.1).</summary>
internal static class AlpnList
{
    /// <summary>HTTP/1.1 alone.</summary>
    public static readonly byte[] Http1 = Encode(["http/1.1"]);

    /// <summary>HTTP/2 alone.</summary>
    public static readonly byte[] Http2 = Encode(["h2"]);

    /// <summary>HTTP/2, or else HTTP/1.1.</summary>
    public static readonly byte[] Http2OrHttp1 = Encode(["h2", "http/1.1"]);

    /// <summary>The list of these names.</summary>
    public static byte[] Encode(IReadOnlyList<string> names) =>
        [.. names.SelectMany(static name => Encoding.ASCII.GetBytes(name).Prepend((byte)name.Length))];

    /// <summary>The names of a list.</summary>
    public static string[] Decode(ReadOnlySpan<byte> list)
    {
        var names = new List<string>();
        for (; !list.IsEmpty; list = list[(1 + list[0])..])
        {
            names.Add(Encoding.ASCII.GetString(list.Slice(1, list[0])));
        }

        return [.. names];
    }

    /// <summary>Where in the client's list the first of ours stands that it has; -1 for none.</summary>
    public static int Select(ReadOnlySpan<byte> ours, ReadOnlySpan<byte> offered)
    {
        for (; !ours.IsEmpty; ours = ours[(1 + ours[0])..])
        {
            for (var i = 0; i + offered[i] < offered.Length; i += 1 + offered[i])
            {
                if (offered.Slice(i, 1 + offered[i]).SequenceEqual(ours[..(1 + ours[0])]))
                {
                    return i;
                }

                if (i + 1 + offered[i] >= offered.Length)
                {
                    break;
                }
            }
        }

        return -1;
    }
}
