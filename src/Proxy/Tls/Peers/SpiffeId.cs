namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>A workload's identity (SPIFFE-ID section 2): <c>spiffe://trust-domain/path</c>.</summary>
/// <param name="TrustDomain">Who vouches for it.</param>
/// <param name="Path">Who it is there; empty for the domain itself.</param>
internal readonly record struct SpiffeId(string TrustDomain, string Path)
{
    private const string Scheme = "spiffe://";
    private const int MaxLength = 2048;

    /// <summary>Reads an identity; false where the text is none.</summary>
    public static bool TryParse(string text, out SpiffeId id)
    {
        id = default;
        if (!text.StartsWith(Scheme, StringComparison.Ordinal) || text.Length > MaxLength)
        {
            return false;
        }

        var rest = text[Scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var domain = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? "" : rest[slash..];
        if (domain.Length is 0 or > 255 || !domain.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '.' or '-' or '_'))
        {
            return false;
        }

        if (path.Length > 0 && !path[1..].Split('/').All(IsSegment))
        {
            return false;
        }

        id = new SpiffeId(domain, path);
        return true;
    }

    private static bool IsSegment(string segment) =>
        segment is not ("" or "." or "..") && segment.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_');
}
