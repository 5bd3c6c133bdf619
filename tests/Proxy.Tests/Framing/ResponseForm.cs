namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>What a client gets of a response.</summary>
internal enum Verdict
{
    /// <summary>The response, whole.</summary>
    Passed,

    /// <summary>502 in its place.</summary>
    Refused,

    /// <summary>The fault stands in the body: 502 where nothing had been passed yet, an answer that is visibly cut where something had.</summary>
    RefusedOrCut,
}

/// <summary>One way to write a response, and what has to become of it.</summary>
/// <param name="Name">Unique in the table.</param>
/// <param name="Rule">The section that decides.</param>
/// <param name="Wire">The bytes, as Latin-1.</param>
/// <param name="Verdict">What the client gets.</param>
/// <param name="Expected">Status and body where it is passed; the log's details where it is not.</param>
/// <param name="IsKept">Whether the next request may use the same connection.</param>
/// <param name="Method">The request's.</param>
/// <param name="Closes">True where the backend ends the connection behind these bytes.</param>
internal sealed record ResponseForm(
    string Name, string Rule, string Wire, Verdict Verdict, string Expected, bool IsKept, string Method = "GET", bool Closes = false)
{
    public static ResponseForm Kept(string name, string rule, string wire, string expected, string method = "GET") =>
        new(name, rule, wire, Verdict.Passed, expected, IsKept: true, method);

    public static ResponseForm Closed(string name, string rule, string wire, string expected, string method = "GET", bool closes = false) =>
        new(name, rule, wire, Verdict.Passed, expected, IsKept: false, method, closes);

    public static ResponseForm Refused(string name, string rule, string wire, string details = "upstream_reset_before_response_started{protocol_error}", bool closes = false) =>
        new(name, rule, wire, Verdict.Refused, details, IsKept: false, Closes: closes);

    public static ResponseForm Cut(string name, string rule, string wire, string details = "http1.invalid_chunk", bool closes = false) =>
        new(name, rule, wire, Verdict.RefusedOrCut, details, IsKept: false, Closes: closes);
}
