namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>What came of a header block. From <see cref="Truncated"/> on it is COMPRESSION_ERROR for the connection (RFC 9113 §4.3).</summary>
internal enum HpackStatus : byte
{
    /// <summary>Every field was given.</summary>
    Done,

    /// <summary>The block is in order and the table is right, but the fields after one that was not wanted were dropped.</summary>
    Stopped,

    /// <summary>The block ends within a field.</summary>
    Truncated,

    /// <summary>An integer is larger, or has more octets, than any that makes sense (RFC 7541 §5.1).</summary>
    BadInteger,

    /// <summary>Index 0, or one beyond both tables (RFC 7541 §2.3.3, §6.1).</summary>
    BadIndex,

    /// <summary>A string holds EOS, or its padding is longer than 7 bits or not ones (RFC 7541 §5.2).</summary>
    BadHuffman,

    /// <summary>A table size update that stands behind a field, or is above what was announced (RFC 7541 §4.2, §6.3).</summary>
    BadSizeUpdate,

    /// <summary>No table size update, where the acknowledged settings ask for one (RFC 7541 §4.2).</summary>
    MissingSizeUpdate,
}

/// <summary>What to ask of an <see cref="HpackStatus"/>.</summary>
internal static class HpackStatuses
{
    /// <summary>True where the two ends no longer have the same table, so that the connection must end.</summary>
    public static bool IsError(this HpackStatus status) => status >= HpackStatus.Truncated;
}
