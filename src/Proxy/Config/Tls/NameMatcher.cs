using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>A <see cref="StringMatcher"/> that judges names of certificates. Equal where the matcher is.</summary>
internal sealed class NameMatcher : INameMatcher, IEquatable<NameMatcher>
{
    private readonly StringMatcher _source;
    private readonly CompiledStringMatcher _compiled;

    /// <summary>A matcher whose regex, if it is one, is known to be right.</summary>
    public NameMatcher(StringMatcher source, CompilationScope scope, string path)
    {
        _source = source;
        _compiled = new CompiledStringMatcher(source, path, scope);
    }

    public string? Exact => _source.Kind == StringMatchKind.Exact ? _source.Value : null;

    public bool Matches(ReadOnlySpan<byte> name) => _compiled.IsMatch(name);

    public bool Equals(NameMatcher? other) => other is not null && _source == other._source;

    public override bool Equals(object? obj) => Equals(obj as NameMatcher);

    public override int GetHashCode() => _source.GetHashCode();

    public override string ToString() => _source.ToString();
}
