namespace KubeProxyNet.ControlPlane.Model;

/// <summary>How much of a host name a <see cref="HostMatch"/> leaves open.</summary>
public enum HostMatchKind
{
    /// <summary>The host name is equal, letter case aside.</summary>
    Exact,

    /// <summary>One label, whichever it is, stands before the given name.</summary>
    OneLabelWildcard,

    /// <summary>Every host.</summary>
    Any,
}

/// <summary>A set of host names that a virtual host answers for. The port of a request's authority plays no part.</summary>
/// <param name="Kind">How <paramref name="Name"/> is read.</param>
/// <param name="Name">The host in lower case; for a wildcard the part after <c>*.</c>; empty for any host.</param>
public sealed record HostMatch(HostMatchKind Kind, string Name)
{
    /// <summary>Every host.</summary>
    public static HostMatch Any { get; } = new(HostMatchKind.Any, "");

    /// <summary>Reads the host of an Ingress rule.</summary>
    /// <param name="host">A host name, <c>*.</c> with a host name, or null or empty for every host.</param>
    public static HostMatch Parse(string? host) => host switch
    {
        null or "" => Any,
        _ when host.StartsWith("*.", StringComparison.Ordinal) => new HostMatch(HostMatchKind.OneLabelWildcard, host[2..].ToLowerInvariant()),
        _ => new HostMatch(HostMatchKind.Exact, host.ToLowerInvariant()),
    };

    /// <summary>The hosts that this one is among, from the nearest on: a wildcard, then every host; not this one itself.</summary>
    public IEnumerable<HostMatch> Wider()
    {
        if (Kind == HostMatchKind.Exact && Name.IndexOf('.', StringComparison.Ordinal) is var dot and > 0)
        {
            yield return new HostMatch(HostMatchKind.OneLabelWildcard, Name[(dot + 1)..]);
        }

        if (Kind != HostMatchKind.Any)
        {
            yield return Any;
        }
    }

    /// <summary>The host as an Ingress rule writes it; <c>*</c> for every host.</summary>
    public override string ToString() => Kind switch
    {
        HostMatchKind.Exact => Name,
        HostMatchKind.OneLabelWildcard => "*." + Name,
        _ => "*",
    };
}
