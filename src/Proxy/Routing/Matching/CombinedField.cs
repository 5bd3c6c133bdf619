using System.Text;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// The value of a header over all its fields: several are one list (RFC 9110 §5.3), joined by commas; cookie crumbs are joined as RFC 9113 §8.2.3 has it.
/// </summary>
internal sealed class CombinedField
{
    private readonly byte[] _name;
    private readonly KnownHeader _id;
    private readonly bool _isPseudo;
    private readonly byte[] _separator;

    /// <summary>A field of this name, in any letter case.</summary>
    public CombinedField(string name)
    {
        // Envoy knows Host as :authority, which also covers a target in absolute form.
        var lower = name.ToLowerInvariant();
        _name = Encoding.UTF8.GetBytes(lower == "host" ? ":authority" : lower);
        _isPseudo = _name.Length > 0 && _name[0] == (byte)':';
        _id = KnownHeaders.Identify(_name);
        _separator = lower == "cookie" ? [.. "; "u8] : [.. ","u8];
    }

    /// <summary>Number of fields of the name, and the value of the first.</summary>
    public int Find(MessageHead head, out ReadOnlySpan<byte> value)
    {
        if (_isPseudo)
        {
            return head.TryGet(_name, out value) ? 1 : 0;
        }

        value = default;
        var count = 0;
        foreach (ref readonly var field in head.Fields)
        {
            if (IsThis(head, in field) && count++ == 0)
            {
                value = head.Span(field.Value);
            }
        }

        return count;
    }

    /// <summary>Room that <see cref="Join"/> needs, at most.</summary>
    public int JoinedLength(MessageHead head)
    {
        var length = 0;
        foreach (ref readonly var field in head.Fields)
        {
            length += IsThis(head, in field) ? field.Value.Length + _separator.Length : 0;
        }

        return length;
    }

    /// <summary>Writes the values of all fields as one; returns its length.</summary>
    public int Join(MessageHead head, Span<byte> joined)
    {
        var at = 0;
        var isFirst = true;
        foreach (ref readonly var field in head.Fields)
        {
            if (!IsThis(head, in field))
            {
                continue;
            }

            if (!isFirst)
            {
                _separator.CopyTo(joined[at..]);
                at += _separator.Length;
            }

            isFirst = false;
            head.Span(field.Value).CopyTo(joined[at..]);
            at += field.Value.Length;
        }

        return at;
    }

    private bool IsThis(MessageHead head, ref readonly HeaderField field) =>
        field.Id == _id && (KnownHeaders.IsName(_id) || head.Span(field.Name).SequenceEqual(_name));
}
