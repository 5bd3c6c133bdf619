namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>One way to write a request, and what has to become of it.</summary>
/// <param name="Name">Unique in the table.</param>
/// <param name="Rule">The section that decides.</param>
/// <param name="Wire">The bytes, as Latin-1.</param>
/// <param name="Status">What the client is answered with.</param>
/// <param name="Details">Envoy's response code details in the access log.</param>
/// <param name="Reaches">What the backend sees of it, as <c>method target host body</c>; null where it must not see it.</param>
internal sealed record RequestForm(string Name, string Rule, string Wire, int Status, string Details, string? Reaches)
{
    /// <summary>A form that the proxy has to refuse.</summary>
    public static RequestForm Refused(string name, string rule, string wire, int status = 400, string details = "http1.codec_error") =>
        new(name, rule, wire, status, details, null);

    /// <summary>A form that the proxy has to pass, and as what.</summary>
    public static RequestForm Passed(string name, string rule, string wire, string reaches) => new(name, rule, wire, 200, "via_upstream", reaches);
}
