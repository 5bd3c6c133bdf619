using System.Text;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>Builds the <see cref="PathIndex"/> of one virtual host; routes are added in their order.</summary>
internal sealed class PathIndexBuilder
{
    private readonly Dictionary<string, Lists> _exactCase = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Lists> _anyCase = new(StringComparer.Ordinal);
    private readonly RouteList _connect = new();
    private readonly List<CandidateRange> _ranges = [];
    private readonly List<int> _routes = [];

    /// <summary>Adds a route. <paramref name="conditional"/> tells that more than the path must match.</summary>
    public void Add(int route, RouteMatch match, bool conditional)
    {
        var keys = match.CaseSensitive || match.Path is RegexPath or TemplatePath ? _exactCase : _anyCase;
        switch (match.Path)
        {
            case PrefixPath prefix:
                At(keys, prefix.Prefix).Prefix.Add(route, conditional);
                break;
            case SeparatedPrefixPath prefix:
                At(keys, prefix.Prefix).Separated.Add(route, conditional);
                break;
            case ExactPath exact:
                At(keys, exact.Path).Exact.Add(route, conditional);
                break;
            case RegexPath regex:
                At(keys, RegexPrefix.Of(regex.Pattern)).Prefix.Add(route, conditional: true);
                break;
            case TemplatePath template:
                At(_exactCase, PathTemplate.TryParse(template.Template, out var parsed, out _) ? RegexPrefix.Of(parsed.Pattern) : "").Prefix.Add(route, conditional: true);
                break;
            case ConnectPath:
                _connect.Add(route, conditional);
                break;
            default:
                throw new NotSupportedException($"path specifier {match.Path.GetType().Name}");
        }
    }

    public PathIndex Build()
    {
        var exactCase = Build(_exactCase, out var exactCaseEntries);
        var anyCase = Build(_anyCase, out var anyCaseEntries);
        var connect = Build(_connect);
        return new PathIndex(exactCase, exactCaseEntries, anyCase, anyCaseEntries, connect, new CandidateLists([.. _ranges], [.. _routes]));
    }

    private Lists At(Dictionary<string, Lists> keys, string key)
    {
        if (keys == _anyCase)
        {
            key = LowerAscii(key);
        }

        if (!keys.TryGetValue(key, out var lists))
        {
            keys.Add(key, lists = new Lists());
        }

        return lists;
    }

    private static string LowerAscii(string value) => string.Create(value.Length, value, static (span, source) =>
    {
        for (var i = 0; i < source.Length; i++)
        {
            span[i] = char.IsAsciiLetterUpper(source[i]) ? char.ToLowerInvariant(source[i]) : source[i];
        }
    });

    private ByteTrie? Build(Dictionary<string, Lists> lists, out PathEntry[] entries)
    {
        if (lists.Count == 0)
        {
            entries = [];
            return null;
        }

        var sorted = lists.Select(pair => (Key: Encoding.UTF8.GetBytes(pair.Key), Lists: pair.Value)).ToArray();
        Array.Sort(sorted, (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        entries = [.. sorted.Select(item => new PathEntry(Build(item.Lists.Prefix), Build(item.Lists.Exact), Build(item.Lists.Separated)))];
        return ByteTrie.Build([.. sorted.Select(item => item.Key)]);
    }

    private Candidates Build(RouteList list)
    {
        if (list.Conditional.Count == 0)
        {
            return list.FirstUnconditional == int.MaxValue ? Candidates.None : Candidates.Only(list.FirstUnconditional);
        }

        _ranges.Add(new CandidateRange(_routes.Count, _routes.Count + list.Conditional.Count, list.FirstUnconditional));
        _routes.AddRange(list.Conditional);
        return Candidates.Of(_ranges.Count - 1);
    }

    private sealed class Lists
    {
        public RouteList Prefix { get; } = new();

        public RouteList Exact { get; } = new();

        public RouteList Separated { get; } = new();
    }

    private sealed class RouteList
    {
        public List<int> Conditional { get; } = [];

        public int FirstUnconditional { get; private set; } = int.MaxValue;

        public void Add(int route, bool conditional)
        {
            // Behind a route that takes every request, nothing at this place can be reached.
            if (FirstUnconditional != int.MaxValue)
            {
                return;
            }

            if (conditional)
            {
                Conditional.Add(route);
            }
            else
            {
                FirstUnconditional = route;
            }
        }
    }
}
