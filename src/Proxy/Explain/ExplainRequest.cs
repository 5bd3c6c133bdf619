using System.Globalization;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>The request that is asked about, as a client would send it.</summary>
public sealed record ExplainRequest
{
    private static readonly char[] EndOfAuthority = ['/', '?', '#'];

    /// <summary>Method; GET by default.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>Host and, where it is not the scheme's, port.</summary>
    public required string Authority { get; init; }

    /// <summary>Path and query.</summary>
    public required string Target { get; init; }

    /// <summary>Port that the client connects to.</summary>
    public required int Port { get; init; }

    /// <summary>True where the client speaks TLS: its server name is then the host.</summary>
    public bool IsTls { get; init; }

    /// <summary>Other header lines, <c>name: value</c>. A <c>host</c> among them replaces <see cref="Authority"/>, as in curl.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>Name of the listener; empty for the one on <see cref="Port"/>.</summary>
    public string Listener { get; init; } = "";

    /// <summary>Reads what was asked; null where it cannot be read, which <paramref name="error"/> tells.</summary>
    /// <param name="url">Such as <c>http://shop.example:8080/cart?id=1</c>; <c>http://</c> may be left out. What curl would change, as dots in a path, stays as it is.</param>
    /// <param name="method">Null or empty for GET.</param>
    /// <param name="headers">Lines <c>name: value</c>.</param>
    /// <param name="listener">Null or empty for the one on the URL's port.</param>
    /// <param name="error">What is wrong, and what to write instead.</param>
    public static ExplainRequest? Parse(string url, string? method, IReadOnlyList<string> headers, string? listener, out string error)
    {
        var rest = url;
        var port = 80;
        var isTls = false;
        var colon = url.IndexOf("://", StringComparison.Ordinal);
        if (colon >= 0)
        {
            var scheme = url[..colon].ToLowerInvariant();
            if (scheme is not ("http" or "https"))
            {
                error = $"{url}: the scheme {scheme} is not served; write http://HOST/PATH";
                return null;
            }

            isTls = scheme == "https";
            port = isTls ? 443 : 80;
            rest = url[(colon + 3)..];
        }

        var end = rest.IndexOfAny(EndOfAuthority);
        var authority = end < 0 ? rest : rest[..end];
        var target = end < 0 ? "/" : rest[end..];
        var hash = target.IndexOf('#', StringComparison.Ordinal);
        target = hash < 0 ? target : target[..hash];
        target = target.StartsWith('/') ? target : "/" + target;
        if (authority.Length == 0)
        {
            error = $"{url}: there is no host; write http://HOST/PATH";
            return null;
        }

        var portStart = authority.LastIndexOf(':');
        if (portStart > authority.LastIndexOf(']')
            && !(int.TryParse(authority[(portStart + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65535))
        {
            error = $"{url}: {authority[(portStart + 1)..]} is no port; write a number from 1 to 65535";
            return null;
        }

        foreach (var header in headers)
        {
            if (header.IndexOf(':', StringComparison.Ordinal) is <= 0)
            {
                error = $"\"{header}\" is no header; write \"name: value\"";
                return null;
            }
        }

        error = "";
        return new ExplainRequest
        {
            Method = string.IsNullOrEmpty(method) ? "GET" : method,
            Authority = authority,
            Target = target,
            Port = port,
            IsTls = isTls,
            Headers = headers,
            Listener = listener ?? "",
        };
    }
}
