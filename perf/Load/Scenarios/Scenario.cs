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

    /// <summary>A small body over HTTP/2 by prior knowledge, from a backend that speaks HTTP/1.1.</summary>
    Http2Small,

    /// <summary>The same over TLS.</summary>
    Http2Tls,

    /// <summary>Unary calls of gRPC, HTTP/2 on both sides.</summary>
    Http2Grpc,

    /// <summary>Bodies of 10 MB on streams of one connection.</summary>
    Http2Bulk,

    /// <summary>All over HTTP/2, and which goals are met.</summary>
    Http2,
}

/// <summary>How scenarios are called, and which of them speak what.</summary>
internal static class ScenarioNames
{
    private static readonly string[] Groups = ["tls", "http2"];

    /// <summary>As on the command line: <c>keepalive</c>, <c>tls-keepalive</c>, <c>http2-grpc</c>.</summary>
    public static string Word(this Scenario scenario)
    {
        var name = scenario.ToString().ToLowerInvariant();
        return Groups.FirstOrDefault(group => name.StartsWith(group, StringComparison.Ordinal) && name != group) is { } group ? name.Insert(group.Length, "-") : name;
    }

    /// <summary>Whether clients speak TLS to the proxies.</summary>
    public static bool IsTls(this Scenario scenario) => scenario is (>= Scenario.TlsKeepAlive and <= Scenario.Tls) or Scenario.Http2Tls;

    /// <summary>Whether clients speak HTTP/2 to the proxies.</summary>
    public static bool IsHttp2(this Scenario scenario) => scenario >= Scenario.Http2Small;

    /// <summary>Whether its measurements can be a number of requests long, and not only a time: those whose result is CPU time a request.</summary>
    public static bool GoesByRequests(this Scenario scenario) => scenario is not (Scenario.Tail or Scenario.Idle or Scenario.TlsIdle or Scenario.Overload or Scenario.Where)
        && !scenario.IsTable();

    /// <summary>Whether it stands for a group of scenarios, each of which is run.</summary>
    public static bool IsTable(this Scenario scenario) => scenario is Scenario.All or Scenario.Tls or Scenario.Http2;
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
