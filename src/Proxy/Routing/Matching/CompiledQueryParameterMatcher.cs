using System.Text;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>A <see cref="QueryParameterMatcher"/> over the bytes of a query.</summary>
internal sealed class CompiledQueryParameterMatcher
{
    private readonly byte[] _name;
    private readonly bool _present;
    private readonly CompiledStringMatcher? _value;

    public CompiledQueryParameterMatcher(QueryParameterMatcher source, string path, CompilationScope scope)
    {
        _name = Encoding.UTF8.GetBytes(source.Name);
        _present = source.Present;
        _value = source.Value is null ? null : new CompiledStringMatcher(source.Value, $"{path}.string_match", scope);
        if (_name.Length == 0)
        {
            scope.Error($"{path}.name", "a query parameter matcher needs a name", "name the parameter to match");
        }
    }

    public bool IsMatch(ReadOnlySpan<byte> query)
    {
        var found = TryGetFirst(query, _name, out var value);
        return _value is null ? found == _present : found && _value.IsMatch(value);
    }

    /// <summary>The value of the first parameter of that name, as it stands in the query; empty where it has none.</summary>
    public static bool TryGetFirst(ReadOnlySpan<byte> query, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (!query.IsEmpty)
        {
            var end = query.IndexOf((byte)'&');
            var parameter = end < 0 ? query : query[..end];
            var equals = parameter.IndexOf((byte)'=');
            if ((equals < 0 ? parameter : parameter[..equals]).SequenceEqual(name))
            {
                value = equals < 0 ? default : parameter[(equals + 1)..];
                return true;
            }

            query = end < 0 ? default : query[(end + 1)..];
        }

        value = default;
        return false;
    }
}
