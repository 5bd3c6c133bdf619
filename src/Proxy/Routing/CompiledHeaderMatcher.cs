using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Text;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>A <see cref="HeaderMatcher"/> over the head of a request or a response.</summary>
internal sealed class CompiledHeaderMatcher
{
    private const int StackBytes = 512;

    private readonly byte[] _name;
    private readonly KnownHeader _id;
    private readonly bool _isPseudo;
    private readonly bool _invert;
    private readonly bool _missingIsEmpty;
    private readonly PresentHeader? _present;
    private readonly HeaderRange? _range;
    private readonly CompiledStringMatcher? _string;

    public CompiledHeaderMatcher(HeaderMatcher source, string path, CompilationScope scope)
    {
        // Envoy knows Host as :authority, which also covers a target in absolute form.
        var name = source.Name.ToLowerInvariant();
        _name = Encoding.UTF8.GetBytes(name == "host" ? ":authority" : name);
        _isPseudo = _name.Length > 0 && _name[0] == (byte)':';
        _id = KnownHeaders.Identify(_name);
        _invert = source.Invert;
        _missingIsEmpty = source.TreatMissingHeaderAsEmpty;
        _present = source.Match as PresentHeader;
        _range = source.Match as HeaderRange;
        _string = source.Match is HeaderString text ? new CompiledStringMatcher(text.Matcher, $"{path}.string_match", scope) : null;
        if (name.Length == 0)
        {
            scope.Error($"{path}.name", "a header matcher needs a name", "name the header to match");
        }
    }

    public bool IsMatch(MessageHead head)
    {
        var count = Find(head, out var value);
        if (_present is not null)
        {
            return (count > 0 == _present.Present) != _invert;
        }

        if (count == 0 && !_missingIsEmpty)
        {
            return false;
        }

        return (count > 1 ? IsJoinedMatch(head) : IsValueMatch(value)) != _invert;
    }

    /// <summary>Number of fields of the name, and the value of the first.</summary>
    private int Find(MessageHead head, out ReadOnlySpan<byte> value)
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

    private bool IsThis(MessageHead head, ref readonly HeaderField field) =>
        field.Id == _id && (KnownHeaders.IsName(_id) || head.Span(field.Name).SequenceEqual(_name));

    private bool IsValueMatch(ReadOnlySpan<byte> value) => _range is null
        ? _string!.IsMatch(value)
        : Utf8Parser.TryParse(value, out long number, out var consumed) && consumed == value.Length
            && number >= _range.Start && number < _range.End;

    /// <summary>Several fields are one list (RFC 9110 §5.3); cookie crumbs are joined as RFC 9113 §8.2.3 has it.</summary>
    [SkipLocalsInit]
    private bool IsJoinedMatch(MessageHead head)
    {
        var separator = _name.AsSpan().SequenceEqual("cookie"u8) ? "; "u8 : ","u8;
        var length = 0;
        foreach (ref readonly var field in head.Fields)
        {
            length += IsThis(head, in field) ? field.Value.Length + separator.Length : 0;
        }

        byte[]? rented = null;
        var joined = length <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(length);
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
                separator.CopyTo(joined[at..]);
                at += separator.Length;
            }

            isFirst = false;
            head.Span(field.Value).CopyTo(joined[at..]);
            at += field.Value.Length;
        }

        var matches = IsValueMatch(joined[..at]);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return matches;
    }
}
