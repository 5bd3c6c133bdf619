namespace KubeProxyNet.Proxy.Http;

/// <summary>The fields behind a body (RFC 9110 section 6.5): the bytes and a table of fields over them, as of a head.</summary>
public sealed class TrailerHead : MessageHead
{
    /// <summary>Offset behind the last line in <see cref="MessageHead.Bytes"/>; every line has its line end.</summary>
    internal int End { get; set; }

    /// <summary>Offset of the first line.</summary>
    internal int Start { get; set; }

    /// <summary>The lines, each with its line end.</summary>
    internal ReadOnlySpan<byte> Lines => Bytes.AsSpan(Start, End - Start);

    /// <inheritdoc/>
    internal override void Reset()
    {
        base.Reset();
        Start = End = 0;
    }
}
