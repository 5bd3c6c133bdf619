using KubeProxyNet.Proxy.Routing.Regexes;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads regular expressions as the xDS API has them, in RE2's syntax.</summary>
internal static class Re2Syntax
{
    /// <summary>See <see cref="RegexSyntax"/>.</summary>
    public static RegexSource? Read(string pattern, out string? reason) =>
        Re2Pattern.TryTranslate(pattern, out var translated, out reason) ? new RegexSource(translated.GroupCount, translated.Compile) : null;
}
