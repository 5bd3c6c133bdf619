namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>The rules of all names that there is something to say of: those of the static table, and some more.</summary>
internal static class FieldRules
{
    // A shorter cookie may be guessed byte by byte; longer ones come with every request of a browser.
    private const int ShortCookie = 20;

    private const int Slots = 256;

    private static readonly byte[][] AtOnce =
    [
        [.. ":authority"u8], [.. ":method"u8], [.. ":scheme"u8], [.. ":status"u8], [.. ":protocol"u8], [.. "host"u8],
        [.. "accept"u8], [.. "accept-charset"u8], [.. "accept-encoding"u8], [.. "accept-language"u8], [.. "accept-ranges"u8], [.. "allow"u8],
        [.. "access-control-allow-origin"u8], [.. "cache-control"u8], [.. "content-encoding"u8], [.. "content-language"u8], [.. "content-type"u8],
        [.. "expect"u8], [.. "server"u8], [.. "strict-transport-security"u8], [.. "te"u8], [.. "vary"u8], [.. "via"u8],
        [.. "grpc-status"u8], [.. "grpc-encoding"u8], [.. "grpc-accept-encoding"u8], [.. "x-forwarded-proto"u8], [.. "x-envoy-attempt-count"u8],
    ];

    private static readonly byte[][] ForName =
    [
        [.. "age"u8], [.. "content-length"u8], [.. "content-range"u8], [.. "etag"u8], [.. "if-match"u8], [.. "if-modified-since"u8],
        [.. "if-none-match"u8], [.. "if-range"u8], [.. "if-unmodified-since"u8], [.. "location"u8], [.. "range"u8], [.. "grpc-message"u8],
        [.. "grpc-timeout"u8], [.. "x-request-id"u8], [.. "x-envoy-upstream-service-time"u8], [.. "x-envoy-expected-rq-timeout-ms"u8],
        [.. "traceparent"u8], [.. "tracestate"u8], [.. "x-b3-traceid"u8], [.. "x-b3-spanid"u8], [.. "x-b3-parentspanid"u8],
        [.. "x-amzn-trace-id"u8], [.. "x-cloud-trace-context"u8], [.. "x-correlation-id"u8], [.. "sec-websocket-key"u8],
    ];

    private static readonly byte[][] Never =
    [
        [.. "authorization"u8], [.. "proxy-authorization"u8], [.. "set-cookie"u8], [.. "api-key"u8], [.. "x-api-key"u8], [.. "x-access-token"u8],
        [.. "x-auth-token"u8], [.. "x-amz-security-token"u8], [.. "x-csrf-token"u8], [.. "x-xsrf-token"u8], [.. "x-vault-token"u8],
    ];

    private static readonly FieldRule[] Rules = MakeRules();

    // Numbers by hash of the name, each in the first free slot from its own on; 0 is free.
    private static readonly byte[] Table = MakeTable();

    public static FieldRule Authority { get; } = Of(":authority"u8);

    public static FieldRule Method { get; } = Of(":method"u8);

    public static FieldRule Path { get; } = Of(":path"u8);

    public static FieldRule Scheme { get; } = Of(":scheme"u8);

    public static FieldRule Status { get; } = Of(":status"u8);

    /// <summary>Numbers of rules are below this one.</summary>
    public static int Count => Rules.Length;

    /// <summary>The rule of a lower-case name, whose hash is given.</summary>
    public static FieldRule Find(ReadOnlySpan<byte> name, uint hash)
    {
        for (var slot = hash % Slots; Table[slot] != 0; slot = (slot + 1) % Slots)
        {
            var rule = Rules[Table[slot]];
            if (rule.NameHash == hash && name.SequenceEqual(rule.Name))
            {
                return rule;
            }
        }

        return FieldRule.Unknown;
    }

    private static FieldRule Of(ReadOnlySpan<byte> name) => Find(name, FieldHash.Of(name));

    private static FieldRule[] MakeRules()
    {
        var rules = new List<FieldRule> { FieldRule.Unknown };
        Add(AtOnce, Indexing.AtOnce);
        Add(ForName, Indexing.ForName);
        Add(Never, Indexing.Never);
        for (var index = 1; index <= StaticTable.Count; index++)
        {
            var name = StaticTable.Get(index).Name.ToArray();
            if (!rules.Exists(rule => rule.Name.SequenceEqual(name)))
            {
                rules.Add(new FieldRule(rules.Count, name, Indexing.OnRepeat, name.AsSpan().SequenceEqual("cookie"u8) ? ShortCookie : 0));
            }
        }

        return [.. rules];

        void Add(byte[][] names, Indexing indexing)
        {
            foreach (var name in names)
            {
                rules.Add(new FieldRule(rules.Count, name, indexing));
            }
        }
    }

    private static byte[] MakeTable()
    {
        var table = new byte[Slots];
        for (var number = 1; number < Rules.Length; number++)
        {
            var slot = Rules[number].NameHash % Slots;
            while (table[slot] != 0)
            {
                slot = (slot + 1) % Slots;
            }

            table[slot] = (byte)number;
        }

        return table;
    }
}
