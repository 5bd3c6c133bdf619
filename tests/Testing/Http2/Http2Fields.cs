using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <summary>Fields of requests and responses, and what both ends hold those of their peer to (RFC 9113 section 8).</summary>
public static class Http2Fields
{
    private static readonly string[] OfConnections = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];

    /// <summary>The pseudo-header fields of a request, and what follows them.</summary>
    public static RawHeader[] Request(string method, string path = "/", string authority = "localhost", string scheme = "http", params IEnumerable<RawHeader> more) =>
        [new(":method", method), new(":scheme", scheme), new(":authority", authority), new(":path", path), .. more];

    /// <summary>A GET of a path.</summary>
    public static RawHeader[] Get(string path = "/", params IEnumerable<RawHeader> more) => Request("GET", path, more: more);

    /// <summary>A POST to a path.</summary>
    public static RawHeader[] Post(string path = "/", params IEnumerable<RawHeader> more) => Request("POST", path, more: more);

    /// <summary>A response.</summary>
    public static RawHeader[] Response(int status, params IEnumerable<RawHeader> more) => [new(":status", $"{status}"), .. more];

    /// <summary>The fields but for those of a name.</summary>
    public static RawHeader[] Without(this IEnumerable<RawHeader> fields, string name) => [.. fields.Where(field => field.Name != name)];

    /// <summary>The fields with another value for each of a name.</summary>
    public static RawHeader[] With(this IEnumerable<RawHeader> fields, string name, string value) => [.. fields.Select(field => field.Name == name ? field with { Value = value } : field)];

    /// <summary>Throws <see cref="Http2ViolationException"/> where a field block may not be as it is.</summary>
    /// <param name="fields">As they came.</param>
    /// <param name="pseudo">The pseudo-header fields that may be there; none for trailers.</param>
    internal static void Check(RawHeaders fields, params ReadOnlySpan<string> pseudo)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var isRegular = false;
        foreach (var field in fields)
        {
            var isPseudo = field.Name.StartsWith(':');
            Require(!isPseudo || (!isRegular && pseudo.Contains(field.Name) && seen.Add(field.Name)), fields, $"{field.Name} may not be there (section 8.3)");
            isRegular |= !isPseudo;
            Require(field.Name.Length > 0 && !field.Name.Any(static c => c is <= ' ' or >= '\x7f' or (>= 'A' and <= 'Z')), fields, $"the name '{field.Name}' (section 8.2.1)");
            Require(!field.Value.Any(static c => c is '\0' or '\r' or '\n'), fields, $"the value of {field.Name} (section 8.2.1)");
            Require(field.Value.Trim(' ', '\t') == field.Value, fields, $"white space around the value of {field.Name} (section 8.2.1)");
            Require(!OfConnections.Contains(field.Name), fields, $"{field.Name} is of a connection (section 8.2.2)");
            Require(field.Name != "te" || field.Value == "trailers", fields, $"te is '{field.Value}' (section 8.2.2)");
        }
    }

    private static void Require(bool holds, RawHeaders fields, string what)
    {
        if (!holds)
        {
            throw new Http2ViolationException($"{what}, in: {string.Join(", ", fields)}");
        }
    }
}
