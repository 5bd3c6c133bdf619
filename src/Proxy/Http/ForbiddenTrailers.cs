namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// Fields that mean something only in a head: what frames, routes, authenticates or conditions a message, or says how its content is to be read
/// (RFC 9110 section 6.5.1). Behind a body they are left out, so that nobody further on who merges trailers into the head is deceived.
/// </summary>
internal static class ForbiddenTrailers
{
    private static readonly HeaderMask KnownNames = HeaderMask.NeverForwarded.With(HeaderMask.Of(
        KnownHeader.Host, KnownHeader.Expect, KnownHeader.ContentType, KnownHeader.Date, KnownHeader.Location, KnownHeader.Via,
        KnownHeader.XForwardedFor, KnownHeader.XForwardedProto, KnownHeader.XForwardedHost, KnownHeader.XForwardedClientCert, KnownHeader.XRequestId,
        KnownHeader.XEnvoyControl, KnownHeader.XEnvoyOther, KnownHeader.XEnvoyUpstreamServiceTime, KnownHeader.XEnvoyExpectedRequestTimeoutMs,
        KnownHeader.XEnvoyOriginalPath, KnownHeader.XEnvoyExternalAddress, KnownHeader.XEnvoyInternal, KnownHeader.XEnvoyDecoratorOperation,
        KnownHeader.XEnvoyAttemptCount, KnownHeader.GrpcTimeout));

    /// <summary>The others, by their length.</summary>
    private static readonly byte[][][] OtherNames = ByLength(
    [
        "age"u8.ToArray(), "authorization"u8.ToArray(), "cache-control"u8.ToArray(), "content-encoding"u8.ToArray(), "content-range"u8.ToArray(), "cookie"u8.ToArray(),
        "expires"u8.ToArray(), "forwarded"u8.ToArray(), "if-match"u8.ToArray(), "if-modified-since"u8.ToArray(), "if-none-match"u8.ToArray(), "if-range"u8.ToArray(),
        "if-unmodified-since"u8.ToArray(), "max-forwards"u8.ToArray(), "pragma"u8.ToArray(), "proxy-authenticate"u8.ToArray(), "proxy-authorization"u8.ToArray(),
        "range"u8.ToArray(), "retry-after"u8.ToArray(), "set-cookie"u8.ToArray(), "vary"u8.ToArray(), "www-authenticate"u8.ToArray(),
    ]);

    /// <summary>True where the field is to be left out.</summary>
    /// <param name="id">The id of its name.</param>
    /// <param name="lowerCaseName">Its name.</param>
    public static bool Contains(KnownHeader id, ReadOnlySpan<byte> lowerCaseName)
    {
        if (id != KnownHeader.Other)
        {
            return KnownNames.Contains(id);
        }

        if (lowerCaseName.Length < OtherNames.Length)
        {
            foreach (var name in OtherNames[lowerCaseName.Length])
            {
                if (lowerCaseName.SequenceEqual(name))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static byte[][][] ByLength(byte[][] names)
    {
        var table = new byte[names.Max(static name => name.Length) + 1][][];
        for (var length = 0; length < table.Length; length++)
        {
            table[length] = [.. names.Where(name => name.Length == length)];
        }

        return table;
    }
}
