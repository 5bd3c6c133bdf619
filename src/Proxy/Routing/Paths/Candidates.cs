namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>
/// The candidates of one place of the index in one number: none, a single route without conditions, or a list. Nearly all places hold
/// a single route, and small places keep a large index within the processor's caches.
/// </summary>
internal readonly struct Candidates
{
    private readonly int _value;

    private Candidates(int value) => _value = value;

    /// <summary>No candidate.</summary>
    public static Candidates None => new(-1);

    /// <summary>True for no candidate.</summary>
    public bool IsNone => _value == -1;

    /// <summary>Index in <see cref="CandidateLists.Ranges"/>; only where <see cref="TryGetOnly"/> is false.</summary>
    public int List => -_value - 2;

    /// <summary>The one route, which has no conditions.</summary>
    public static Candidates Only(int route) => new(route);

    /// <summary>The list at this index of <see cref="CandidateLists.Ranges"/>.</summary>
    public static Candidates Of(int list) => new(-list - 2);

    /// <summary>The single route, if this is one.</summary>
    public bool TryGetOnly(out int route)
    {
        route = _value;
        return _value >= 0;
    }
}

/// <summary>
/// Candidates of one place of the index: those with conditions, ascending, as a range of <see cref="CandidateLists.Routes"/> that is never
/// empty; and the first without, or <see cref="int.MaxValue"/>. Later ones are left out, for they can never be reached.
/// </summary>
internal readonly record struct CandidateRange(int Start, int End, int FirstUnconditional);

/// <summary>The lists that <see cref="Candidates"/> of one index refer to.</summary>
internal sealed record CandidateLists(CandidateRange[] Ranges, int[] Routes);
