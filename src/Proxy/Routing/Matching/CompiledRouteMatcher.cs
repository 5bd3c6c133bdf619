using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Paths;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>A <see cref="RouteMatcher"/> ready for traffic. Immutable; a search allocates nothing.</summary>
internal abstract class CompiledRouteMatcher(CompiledRouteChoice? onNoMatch)
{
    /// <summary>The routes to try; null for none.</summary>
    public CompiledRouteChoice? Find(RequestHead head) => FindMatch(head) ?? onNoMatch?.Follow(head);

    /// <summary>The routes that a match leads to; null where nothing matches.</summary>
    protected abstract CompiledRouteChoice? FindMatch(RequestHead head);
}

/// <summary>What follows from a match: routes, with an index of their paths, or another matcher.</summary>
/// <param name="matcher">The next matcher; null where there are routes.</param>
/// <param name="paths">The routes; null where there is a matcher.</param>
/// <param name="keepsMatching">True where the search goes on.</param>
internal sealed class CompiledRouteChoice(CompiledRouteMatcher? matcher, PathIndex? paths, bool keepsMatching)
{
    /// <summary>Index of the first route; those of a choice stand side by side.</summary>
    public int Start { get; init; }

    /// <summary>Index behind the last route.</summary>
    public int End { get; init; }

    /// <summary>The routes by path.</summary>
    public PathIndex Paths => paths!;

    /// <summary>The routes to try; null where this leads to none.</summary>
    public CompiledRouteChoice? Follow(RequestHead head) => keepsMatching ? null : matcher is null ? this : matcher.Find(head);
}

/// <summary>Conditions, tried in order.</summary>
internal sealed class CompiledRouteMatcherList((CompiledPredicate Predicate, CompiledRouteChoice Choice)[] entries, CompiledRouteChoice? onNoMatch) : CompiledRouteMatcher(onNoMatch)
{
    protected override CompiledRouteChoice? FindMatch(RequestHead head)
    {
        foreach (var (predicate, choice) in entries)
        {
            if (predicate.Holds(head) && choice.Follow(head) is { } found)
            {
                return found;
            }
        }

        return null;
    }
}

/// <summary>Values of an input, in a trie: the cost depends on the value and not on how many there are.</summary>
internal sealed class CompiledRouteMatcherMap : CompiledRouteMatcher
{
    private const int StackBytes = 512;

    /// <summary>Prefixes of one value that are looked at, from the longest; a value has no more of them in any table that people write.</summary>
    private const int MaxPrefixes = 64;

    private readonly CompiledMatchInput _input;
    private readonly bool _isPrefix;
    private readonly ByteTrie _values;
    private readonly CompiledRouteChoice[] _choices;

    public CompiledRouteMatcherMap(MatchInput input, bool isPrefix, IEnumerable<(string Value, CompiledRouteChoice Choice)> entries, CompiledRouteChoice? onNoMatch)
        : base(onNoMatch)
    {
        _input = new CompiledMatchInput(input);
        _isPrefix = isPrefix;
        var sorted = entries.Select(static entry => (Key: Encoding.UTF8.GetBytes(entry.Value), entry.Choice)).ToArray();
        Array.Sort(sorted, static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        _values = ByteTrie.Build([.. sorted.Select(static entry => entry.Key)]);
        _choices = [.. sorted.Select(static entry => entry.Choice)];
    }

    [SkipLocalsInit]
    protected override CompiledRouteChoice? FindMatch(RequestHead head)
    {
        if (!_input.TryGet(head, out var value, out var joinedLength))
        {
            return null;
        }

        if (joinedLength == 0)
        {
            return FindMatch(head, value);
        }

        byte[]? rented = null;
        var joined = joinedLength <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(joinedLength);
        var found = FindMatch(head, joined[.._input.Join(head, joined)]);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return found;
    }

    [SkipLocalsInit]
    private CompiledRouteChoice? FindMatch(RequestHead head, ReadOnlySpan<byte> value)
    {
        Span<int> found = stackalloc int[MaxPrefixes];
        var count = 0;
        var walk = _values.Walk(value);
        while (walk.MoveNext())
        {
            if (_isPrefix || walk.Length == value.Length)
            {
                found[count++ % MaxPrefixes] = walk.Value;
            }
        }

        for (var i = count - 1; i >= Math.Max(0, count - MaxPrefixes); i--)
        {
            if (_choices[found[i % MaxPrefixes]].Follow(head) is { } choice)
            {
                return choice;
            }
        }

        return null;
    }
}
