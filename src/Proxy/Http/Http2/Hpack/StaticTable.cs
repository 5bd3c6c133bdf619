namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>The static table (RFC 7541 appendix A).</summary>
internal static class StaticTable
{
    /// <summary>Number of entries; their indices are 1 to this one.</summary>
    public const int Count = 61;

    private static readonly Entry[] Entries =
    [
        new(""u8), // Index 0 is none.
        new(":authority"u8),
        new(":method"u8, "GET"u8),
        new(":method"u8, "POST"u8),
        new(":path"u8, "/"u8),
        new(":path"u8, "/index.html"u8),
        new(":scheme"u8, "http"u8),
        new(":scheme"u8, "https"u8),
        new(":status"u8, "200"u8),
        new(":status"u8, "204"u8),
        new(":status"u8, "206"u8),
        new(":status"u8, "304"u8),
        new(":status"u8, "400"u8),
        new(":status"u8, "404"u8),
        new(":status"u8, "500"u8),
        new("accept-charset"u8),
        new("accept-encoding"u8, "gzip, deflate"u8),
        new("accept-language"u8),
        new("accept-ranges"u8),
        new("accept"u8),
        new("access-control-allow-origin"u8),
        new("age"u8),
        new("allow"u8),
        new("authorization"u8),
        new("cache-control"u8),
        new("content-disposition"u8),
        new("content-encoding"u8),
        new("content-language"u8),
        new("content-length"u8),
        new("content-location"u8),
        new("content-range"u8),
        new("content-type"u8),
        new("cookie"u8),
        new("date"u8),
        new("etag"u8),
        new("expect"u8),
        new("expires"u8),
        new("from"u8),
        new("host"u8),
        new("if-match"u8),
        new("if-modified-since"u8),
        new("if-none-match"u8),
        new("if-range"u8),
        new("if-unmodified-since"u8),
        new("last-modified"u8),
        new("link"u8),
        new("location"u8),
        new("max-forwards"u8),
        new("proxy-authenticate"u8),
        new("proxy-authorization"u8),
        new("range"u8),
        new("referer"u8),
        new("refresh"u8),
        new("retry-after"u8),
        new("server"u8),
        new("set-cookie"u8),
        new("strict-transport-security"u8),
        new("transfer-encoding"u8),
        new("user-agent"u8),
        new("vary"u8),
        new("via"u8),
        new("www-authenticate"u8),
    ];

    /// <summary>The entry of an index from 1 to <see cref="Count"/>.</summary>
    public static Entry Get(int index) => Entries[index];

    /// <summary>The lowest index with that name; 0 where there is none.</summary>
    public static int FirstWithName(ReadOnlySpan<byte> name)
    {
        for (var i = 1; i <= Count; i++)
        {
            if (Entries[i].Name.SequenceEqual(name))
            {
                return i;
            }
        }

        return 0;
    }

    /// <summary>An entry.</summary>
    public sealed class Entry
    {
        private readonly byte[] _line;
        private readonly int _nameLength;

        public Entry(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value = default)
        {
            _line = [.. name, .. ": "u8, .. value, .. "\r\n"u8];
            _nameLength = name.Length;
            Id = KnownHeaders.Identify(name);
            Pseudo = PseudoHeaders.Identify(name);
        }

        /// <summary>The field as <c>name: value CR LF</c>.</summary>
        public ReadOnlySpan<byte> Line => _line;

        public ReadOnlySpan<byte> Name => _line.AsSpan(0, _nameLength);

        public ReadOnlySpan<byte> Value => _line.AsSpan(_nameLength + 2, _line.Length - _nameLength - 4);

        public KnownHeader Id { get; }

        public PseudoHeader Pseudo { get; }
    }
}
