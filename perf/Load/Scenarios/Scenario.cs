namespace KubeProxyNet.Load.Scenarios;

/// <summary>What is asked of the proxies; docs/performance.md says what each is for.</summary>
internal enum Scenario
{
    /// <summary>A small body over connections that are kept, as fast as it goes.</summary>
    KeepAlive,

    /// <summary>A client connection for each request; the upstream ones are kept.</summary>
    Close,

    /// <summary>A body of 100,000 bytes unless --body-size says otherwise.</summary>
    Large,

    /// <summary>As KeepAlive at a constant, low rate: CPU time a request of a proxy that is mostly idle.</summary>
    Rate,

    /// <summary>Latency at half the capacity, at a constant rate, with the ledger.</summary>
    Tail,

    /// <summary>kpn alone: few against many routes and clusters.</summary>
    Scale,

    /// <summary>Memory of connections that are kept and idle.</summary>
    Idle,

    /// <summary>kpn alone: ten times the connections that saturate it.</summary>
    Overload,

    /// <summary>System calls by name, and where CPU time goes.</summary>
    Where,

    /// <summary>All of the above, and which goals are met.</summary>
    All,
}

/// <summary>A target that a scenario measures against.</summary>
/// <param name="Asked">The bound, in words.</param>
/// <param name="Found">What was measured.</param>
/// <param name="Met">Null: printed only, there is no bound.</param>
internal sealed record Goal(string Name, string Asked, string Found, bool? Met);

/// <summary>What a scenario found.</summary>
/// <param name="Text">Markdown: tables and what they mean.</param>
/// <param name="Versions">A line for each program that took part.</param>
internal sealed record Outcome(string Title, string Text, IReadOnlyList<Goal> Goals, IReadOnlyList<string> Versions);
