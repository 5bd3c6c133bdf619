using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>A <see cref="HeaderMatcher"/> over the head of a request or a response.</summary>
internal sealed class CompiledHeaderMatcher
{
    private const int StackBytes = 512;

    private readonly CombinedField _field;
    private readonly bool _invert;
    private readonly bool _missingIsEmpty;
    private readonly PresentHeader? _present;
    private readonly HeaderRange? _range;
    private readonly CompiledStringMatcher? _string;

    public CompiledHeaderMatcher(HeaderMatcher source, string path, CompilationScope scope)
    {
        _field = new CombinedField(source.Name);
        _invert = source.Invert;
        _missingIsEmpty = source.TreatMissingHeaderAsEmpty;
        _present = source.Match as PresentHeader;
        _range = source.Match as HeaderRange;
        _string = source.Match is HeaderString text ? new CompiledStringMatcher(text.Matcher, $"{path}.string_match", scope) : null;
        if (source.Name.Length == 0)
        {
            scope.Error($"{path}.name", "a header matcher needs a name", "name the header to match");
        }
    }

    public bool IsMatch(MessageHead head)
    {
        var count = _field.Find(head, out var value);
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

    private bool IsValueMatch(ReadOnlySpan<byte> value) => _range is null
        ? _string!.IsMatch(value)
        : Utf8Parser.TryParse(value, out long number, out var consumed) && consumed == value.Length
            && number >= _range.Start && number < _range.End;

    [SkipLocalsInit]
    private bool IsJoinedMatch(MessageHead head)
    {
        var length = _field.JoinedLength(head);
        byte[]? rented = null;
        var joined = length <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(length);
        var matches = IsValueMatch(joined[.._field.Join(head, joined)]);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return matches;
    }
}
