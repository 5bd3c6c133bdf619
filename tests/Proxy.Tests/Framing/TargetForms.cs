using static KubeProxyNet.Proxy.Tests.Framing.RequestForm;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>Request targets and Host: whom a request is for must have one answer (RFC 9112 §3.2 and §3.3).</summary>
internal static class TargetForms
{
    private const string Host = "RFC 9112 §3.2";
    private const string Absolute = "RFC 9112 §3.2.2";
    private const string Uri = "RFC 9112 §3.2, RFC 3986";
    private const string BadUrl = "http1.invalid_url";
    private const string BadHost = "missing_host_header";

    public static IEnumerable<RequestForm> All =>
    [
        Good("a path and a query", "RFC 9112 §3.2.1", "/form?a=b?c", "a", "/form?a=b?c a"),
        Good("a port", Host, "/form", "a:8080", "/form a:8080"),
        Good("an empty port", Host, "/form", "a:", "/form a:"),
        Good("an IPv6 address", Host, "/form", "[::1]:80", "/form [::1]:80"),
        Good("absolute form", Absolute, "http://a/form", "a", "/form a"),
        Good("absolute form against Host", Absolute, "http://b:81/form", "a", "/form b:81"),
        Good("absolute form in capitals", Absolute, "HTTP://b/form", "a", "/form b"),
        Good("absolute form without a path", Absolute, "http://b", "a", "/ b"),
        Good("absolute form with a query and no path", Absolute, "http://b?x=1", "a", "/?x=1 b"),
        Good("absolute form with an address and no path", Absolute, "http://[::1]:80?x", "a", "/?x [::1]:80"),
        Good("absolute form in a query", "RFC 9112 §3.2.1", "/form?http://b/", "a", "/form?http://b/ a"),
        Good("two slashes", "RFC 9112 §3.2.1", "//b/form", "a", "//b/form a"),

        Refused("no Host", Host, "GET /form HTTP/1.1\r\nx: y\r\n\r\n", 400, BadHost),
        Refused("no Host in absolute form", Absolute, "GET http://a/form HTTP/1.1\r\nx: y\r\n\r\n", 400, BadHost),
        Refused("two Hosts", Host, "GET /form HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, BadHost),
        Refused("the same Host twice", Host, "GET /form HTTP/1.1\r\nhost: a\r\nHost: a\r\n\r\n", 400, BadHost),
        Refused("two Hosts in absolute form", Host, "GET http://a/form HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, BadHost),
        .. new[] { "", "a b", "a/b", "u@a", "a\\b", "a#b", "a?b", "a\u00e9", "a:b", "a:1:2", ":80", "[::1", "[::1]a", "[::[::1]", "[]", "a]", "\"a\"", "<a>", "http://a" }
            .Select(static host => Refused($"Host '{host}'", Host, $"GET /form HTTP/1.1\r\nhost: {host}\r\n\r\n", 400, BadHost)),
        .. new[] { "form", "*", "a:80", "ftp://a/", "http:/form", "http:///form", "http://", "http://u@a/", "http://a:b/", "http://a b/", "http://a\\b/",
            "/form#f", "/\0", "/\t", "/\u00e9", "/\u007f" }
            .Select(static target => Refused($"target '{target}'", Uri, $"GET {target} HTTP/1.1\r\nhost: a\r\n\r\n", 400, BadUrl)),
    ];

    private static RequestForm Good(string name, string rule, string target, string host, string reaches) =>
        Passed(name, rule, $"GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n", $"GET {reaches} ");
}
