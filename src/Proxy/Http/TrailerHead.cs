using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http;

/// <summary>The fields behind a body (RFC 9110 section 6.5): the bytes and a table of fields over them, as of a head.</summary>
public sealed class TrailerHead : MessageHead
{
    private Block? _block;

    /// <summary>Offset behind the last line in <see cref="MessageHead.Bytes"/>; every line has its line end.</summary>
    internal int End { get; set; }

    /// <summary>Offset of the first line.</summary>
    internal int Start { get; set; }

    /// <summary>The lines, each with its line end.</summary>
    internal ReadOnlySpan<byte> Lines => Bytes.AsSpan(Start, End - Start);

    /// <summary>Keeps lines in memory of its own until <see cref="Return"/>, and finds the fields in them.</summary>
    /// <param name="blocks">Where the memory comes from.</param>
    /// <param name="lines">Lines of the form <c>name: value</c>, names in lower case, each with its line end.</param>
    internal void Keep(BlockPool blocks, ReadOnlySpan<byte> lines)
    {
        Return(blocks);
        if (!lines.IsEmpty)
        {
            Keep(blocks.Rent(lines.Length), lines);
        }
    }

    /// <summary>Keeps lines in the memory given until <see cref="Take"/>, and finds the fields in them. Nothing may be kept already.</summary>
    /// <param name="block">Has room for them.</param>
    /// <param name="lines">Lines of the form <c>name: value</c>, names in lower case, each with its line end.</param>
    internal void Keep(Block block, ReadOnlySpan<byte> lines)
    {
        _block = block;
        lines.CopyTo(_block.Bytes);
        Bytes = _block.Bytes;
        End = lines.Length;
        for (var start = 0; start < End;)
        {
            var line = Lines[start..];
            var length = line.IndexOf("\r\n"u8);
            var colon = line.IndexOf((byte)':');
            AddField(new Slice(start, colon), new Slice(start + colon + 2, length - colon - 2), KnownHeaders.Identify(line[..colon]));
            start += length + 2;
        }
    }

    /// <summary>Forgets the fields and gives their memory back.</summary>
    internal void Return(BlockPool blocks)
    {
        if (Take() is { } block)
        {
            blocks.Return(block);
        }
    }

    /// <summary>Forgets the fields, and gives the memory that they stood in to the caller; null for none.</summary>
    internal Block? Take()
    {
        Reset();
        var block = _block;
        if (block is not null)
        {
            _block = null;
            Bytes = [];
        }

        return block;
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        base.Reset();
        Start = End = 0;
    }
}
