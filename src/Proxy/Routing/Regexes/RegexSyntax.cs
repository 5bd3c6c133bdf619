using System.Text.RegularExpressions;

namespace KubeProxyNet.Proxy.Routing.Regexes;

/// <summary>
/// Reads regular expressions in the syntax of the configuration's author. Routing runs them and does not know that syntax: xDS carries RE2.
/// </summary>
/// <param name="pattern">The expression as written.</param>
/// <param name="reason">Why it cannot be used, to be read behind a colon; null where it can.</param>
/// <returns>The expression; null where it cannot be used.</returns>
public delegate RegexSource? RegexSyntax(string pattern, out string? reason);

/// <summary>A regular expression that can be compiled.</summary>
/// <param name="GroupCount">Capturing groups, numbered from 1 by their opening brackets.</param>
/// <param name="Compile">
/// Compiles it, to match the whole input where the argument is true. The result matches in time linear in its input, from any thread.
/// </param>
public sealed record RegexSource(int GroupCount, Func<bool, Regex> Compile);
