using System.Text;
using KubeProxyNet.Proxy.Routing.Paths;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>A <see cref="StringMatcher"/> over bytes.</summary>
internal sealed class CompiledStringMatcher
{
    private readonly StringMatchKind _kind;
    private readonly bool _ignoreCase;
    private readonly byte[] _value;
    private readonly RegexMatcher? _regex;

    public CompiledStringMatcher(StringMatcher source, string path, CompilationScope scope)
    {
        _kind = source.Kind;
        _ignoreCase = source.IgnoreCase && source.Kind != StringMatchKind.Regex;
        _value = Encoding.UTF8.GetBytes(source.Value);
        if (_ignoreCase)
        {
            AsciiFold.ToLower(_value.ToArray(), _value);
        }

        if (_kind == StringMatchKind.Regex)
        {
            _regex = scope.Regex(source.Value, $"{path}.safe_regex.regex");
        }
    }

    public bool IsMatch(ReadOnlySpan<byte> value)
    {
        switch (_kind)
        {
            case StringMatchKind.Exact:
                return IsEqual(value);
            case StringMatchKind.Prefix:
                return value.Length >= _value.Length && IsEqual(value[.._value.Length]);
            case StringMatchKind.Suffix:
                return value.Length >= _value.Length && IsEqual(value[^_value.Length..]);
            case StringMatchKind.Contains:
                return _ignoreCase ? AsciiFold.ContainsLower(value, _value) : value.IndexOf(_value) >= 0;
            default:
                return _regex!.IsMatch(value);
        }
    }

    private bool IsEqual(ReadOnlySpan<byte> value) => _ignoreCase ? AsciiFold.EqualsLower(value, _value) : value.SequenceEqual(_value);
}
