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

    /// <summary>As KeepAlive, over TLS.</summary>
    TlsKeepAlive,

    /// <summary>As Large, over TLS.</summary>
    TlsLarge,

    /// <summary>A TLS connection with a full handshake for each request.</summary>
    TlsFull,

    /// <summary>A TLS connection with a resumed session for each request.</summary>
    TlsResumed,

    /// <summary>As Idle, over TLS.</summary>
    TlsIdle,

    /// <summary>All over TLS, and which goals are met.</summary>
    Tls,
}

/// <summary>How scenarios are called, and which of them speak TLS.</summary>
internal static class ScenarioNames
{
    private const string Tls = "tls";

    /// <summary>As on the command line: <c>keepalive</c>, <c>tls-keepalive</c>.</summary>
    public static string Word(this Scenario scenario)
    {
        var name = scenario.ToString().ToLowerInvariant();
        return scenario.IsTls() && name != Tls ? name.Insert(Tls.Length, "-") : name;
    }

    /// <summary>Whether clients speak TLS to the proxies.</summary>
    public static bool IsTls(this Scenario scenario) => scenario >= Scenario.TlsKeepAlive;
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
