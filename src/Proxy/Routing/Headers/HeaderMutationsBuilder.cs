using System.Text;
using System.Text.RegularExpressions;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Routing.Headers;

/// <summary>
/// Flattens levels of <see cref="HeaderRules"/> in the order in which Envoy evaluates them. Each name is played through twice, once for a
/// message that has the header and once for one that does not; names do not influence each other.
/// </summary>
internal static partial class HeaderMutationsBuilder
{
    // Headers that frame a message or steer its routing are the proxy's: a second opinion on them is how requests are smuggled.
    private static readonly string[] FramingHeaders = ["content-length", "transfer-encoding"];

    /// <summary>The mutations of these levels, first evaluated first.</summary>
    public static HeaderMutations Flatten(params ReadOnlySpan<HeaderRules> levels)
    {
        var isEmpty = true;
        foreach (var level in levels)
        {
            isEmpty &= level.IsEmpty;
        }

        if (isEmpty)
        {
            return HeaderMutations.None;
        }

        var names = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var level in levels)
        {
            foreach (var name in level.Remove.Concat(level.Add.Select(option => option.Name)))
            {
                var lower = name.ToLowerInvariant();
                if (seen.Add(lower))
                {
                    names.Add(lower);
                }
            }
        }

        if (HeaderProgram.Compile(names, levels) is { } program)
        {
            return new HeaderMutations([.. names.Select(static name => new HeaderMutation(Encoding.UTF8.GetBytes(name), keepsFields: true, [], []))], program);
        }

        var items = new List<HeaderMutation>(names.Count);
        foreach (var name in names)
        {
            var (keeps, ifPresent) = Play(name, levels, present: true);
            var (_, ifAbsent) = Play(name, levels, present: false);
            if (!keeps || ifPresent.Length > 0 || ifAbsent.Length > 0)
            {
                items.Add(new HeaderMutation(Encoding.UTF8.GetBytes(name), keeps, ifPresent, ifAbsent));
            }
        }

        return items.Count == 0 ? HeaderMutations.None : new HeaderMutations([.. items]);
    }

    /// <summary>Reports what is wrong with one level; a level with errors must not be flattened.</summary>
    /// <param name="rules">The level.</param>
    /// <param name="path">Path of the message that holds it.</param>
    /// <param name="side">"request" or "response".</param>
    /// <param name="scope">Where errors go.</param>
    public static void Check(HeaderRules rules, string path, string side, CompilationScope scope)
    {
        for (var i = 0; i < rules.Remove.Length; i++)
        {
            CheckName(rules.Remove[i], $"{path}{side}_headers_to_remove[{i}]", scope);
        }

        for (var i = 0; i < rules.Add.Length; i++)
        {
            var header = $"{path}{side}_headers_to_add[{i}].header";
            CheckName(rules.Add[i].Name, $"{header}.key", scope);
            CheckValue(rules.Add[i].Value, $"{header}.value", scope);
        }
    }

    private static (bool Keeps, byte[][] Values) Play(string name, ReadOnlySpan<HeaderRules> levels, bool present)
    {
        var keeps = present;
        var values = new List<string>();
        foreach (var level in levels)
        {
            if (level.Remove.Any(removed => string.Equals(removed, name, StringComparison.OrdinalIgnoreCase)))
            {
                keeps = false;
                values.Clear();
            }

            // All conditions of a level see the message as it was before the level's own values.
            var exists = keeps || values.Count > 0;
            var options = level.Add
                .Where(option => string.Equals(option.Name, name, StringComparison.OrdinalIgnoreCase))
                .Where(option => option.Value.Length > 0 || option.KeepEmptyValue)
                .ToArray();
            var overwrite = Array.FindLast(options, option => option.AppendAction == HeaderAppendAction.OverwriteIfExistsOrAdd
                || (option.AppendAction == HeaderAppendAction.OverwriteIfExists && exists));
            if (overwrite is not null)
            {
                keeps = false;
                values.Clear();
                values.Add(overwrite.Value);
            }

            values.AddRange(options.Where(option => option.AppendAction == HeaderAppendAction.AppendIfExistsOrAdd
                || (option.AppendAction == HeaderAppendAction.AddIfAbsent && !exists)).Select(option => option.Value));
        }

        return (keeps, [.. values.Select(value => Encoding.UTF8.GetBytes(value.Replace("%%", "%", StringComparison.Ordinal)))]);
    }

    /// <summary>Reports a name that is none, or not to be changed.</summary>
    public static void CheckName(string name, string path, CompilationScope scope)
    {
        if (name.Length == 0 || !Token().IsMatch(name))
        {
            var pseudo = name.StartsWith(':');
            scope.Error(path, pseudo ? $"'{name}' is a pseudo-header" : $"'{name}' is not a header name",
                pseudo ? "use the rewrites of the route action" : "use letters, digits and '-'");
        }
        else if (name.Equals("host", StringComparison.OrdinalIgnoreCase))
        {
            scope.Error(path, "the Host header cannot be changed here", "use host_rewrite_literal or another host rewrite of the route action");
        }
        else if (FramingHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            scope.Error(path, $"'{name}' frames the message and is the proxy's own", "remove this entry");
        }
    }

    private static void CheckValue(string value, string path, CompilationScope scope)
    {
        if (value.AsSpan().IndexOfAny('\0', '\r', '\n') >= 0)
        {
            scope.Error(path, "a header value holds no NUL, CR or LF", "remove them");
        }

        try
        {
            _ = HeaderValueFormat.Parse(value);
        }
        catch (AccessLogFormatException error)
        {
            scope.Error(path, $"'{value}', character {error.Position + 1}: {error.Reason}", "use the operators of access logs, and %% for a percent sign");
        }
    }

    // RFC 9110 §5.6.2.
    [GeneratedRegex("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", RegexOptions.NonBacktracking)]
    private static partial Regex Token();
}
