using System.Buffers;
using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>
/// Finds the routes of a virtual host whose path specifier matches a path, without looking at the others. Exact paths, prefixes and
/// path-separated prefixes hang on the node of a trie that spells them; regexes on the node of their literal prefix, to be run later.
/// Case-insensitive routes have a trie of their own, in lower case. Immutable.
/// </summary>
internal sealed class PathIndex
{
    private const int StackBytes = 512;

    private readonly ByteTrie? _exactCase;
    private readonly ByteTrie? _anyCase;
    private readonly PathEntry[] _exactCaseEntries;
    private readonly PathEntry[] _anyCaseEntries;

    internal PathIndex(ByteTrie? exactCase, PathEntry[] exactCaseEntries, ByteTrie? anyCase, PathEntry[] anyCaseEntries, Candidates connect, CandidateLists lists)
    {
        _exactCase = exactCase;
        _anyCase = anyCase;
        _exactCaseEntries = exactCaseEntries;
        _anyCaseEntries = anyCaseEntries;
        Connect = connect;
        Lists = lists;
    }

    /// <summary>The routes for requests with method CONNECT, which have no path.</summary>
    public Candidates Connect { get; }

    /// <summary>What candidates refer to.</summary>
    public CandidateLists Lists { get; }

    /// <summary>Adds the candidates for a path.</summary>
    [SkipLocalsInit]
    public void Collect(ReadOnlySpan<byte> path, ref CandidateSet candidates)
    {
        if (_exactCase is not null)
        {
            Collect(_exactCase, _exactCaseEntries, path, ref candidates);
        }

        if (_anyCase is not null)
        {
            CollectAnyCase(path, ref candidates);
        }
    }

    [SkipLocalsInit]
    private void CollectAnyCase(ReadOnlySpan<byte> path, ref CandidateSet candidates)
    {
        byte[]? rented = null;
        var lower = path.Length <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(path.Length);
        lower = lower[..path.Length];
        AsciiFold.ToLower(path, lower);
        Collect(_anyCase!, _anyCaseEntries, lower, ref candidates);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Collect(ByteTrie trie, PathEntry[] entries, scoped ReadOnlySpan<byte> path, ref CandidateSet candidates)
    {
        var walk = trie.Walk(path);
        while (walk.MoveNext())
        {
            ref readonly var entry = ref entries[walk.Value];
            candidates.Add(entry.Prefix);
            if (walk.Length == path.Length)
            {
                candidates.Add(entry.Exact);
                candidates.Add(entry.Separated);
            }
            else if (path[walk.Length] == (byte)'/')
            {
                candidates.Add(entry.Separated);
            }
        }
    }
}

/// <summary>The routes that hang on one node: for every path through it, for the path that ends there, and for that and one that goes on with '/'.</summary>
internal readonly record struct PathEntry(Candidates Prefix, Candidates Exact, Candidates Separated);
