using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// Gathers the fields behind a chunked body (RFC 9112 section 7.1.2) while a <see cref="BodyDecoder"/>, which judges and bounds them, reads them byte by byte: names in lower
/// case, values without white space around them, without <see cref="ForbiddenTrailers"/>. They never get into a head. Used again by its connection; without trailers it holds no block.
/// </summary>
/// <param name="blocks">Where the memory comes from.</param>
/// <param name="maxFields">Most fields that are accepted, with those that are left out.</param>
internal sealed class TrailerReader(BlockPool blocks, int maxFields)
{
    private const int Separator = 2;

    private readonly TrailerHead _head = new();
    private Block? _block;
    private int _length;
    private int _lineStart;
    private int _nameEnd;
    private int _count;

    /// <summary>The fields, once the body has ended; null where there are none.</summary>
    public TrailerHead? Fields => _head.FieldCount > 0 ? _head : null;

    /// <summary>Takes a byte of a name.</summary>
    public void TakeName(byte b) => Put(b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b);

    /// <summary>The name is over.</summary>
    public void EndName()
    {
        _nameEnd = _length;
        Put((byte)':');
        Put((byte)' ');
    }

    /// <summary>Takes a byte of a value.</summary>
    public void TakeValue(byte b)
    {
        if (_length > _nameEnd + Separator || !IsSpace(b))
        {
            Put(b);
        }
    }

    /// <summary>The field is over. False where there are more than may be.</summary>
    public bool EndField()
    {
        while (_length > _nameEnd + Separator && IsSpace(_block!.Bytes[_length - 1]))
        {
            _length--;
        }

        var name = _block!.Bytes.AsSpan(_lineStart, _nameEnd - _lineStart);
        if (ForbiddenTrailers.Contains(KnownHeaders.Identify(name), name))
        {
            _length = _lineStart;
        }
        else
        {
            Put((byte)'\r');
            Put((byte)'\n');
            _lineStart = _length;
        }

        return ++_count <= maxFields;
    }

    /// <summary>The body is over.</summary>
    public void End()
    {
        if (_block is { } block)
        {
            _head.Keep(blocks, block.Bytes.AsSpan(0, _length));
            Forget();
        }
    }

    /// <summary>Gets ready for another body: forgets the fields, and gives back their memory.</summary>
    public void Reset()
    {
        _head.Return(blocks);
        Forget();
    }

    private static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\t';

    private void Put(byte b)
    {
        if (_block is null || _length == _block.Size)
        {
            Grow();
        }

        _block!.Bytes[_length++] = b;
    }

    private void Grow()
    {
        var larger = blocks.Rent(_block is null ? BlockPool.Small : _block.Size < BlockPool.Medium ? BlockPool.Medium : BlockPool.Large);
        if (_block is { } block)
        {
            block.Bytes.AsSpan(0, _length).CopyTo(larger.Bytes);
            blocks.Return(block);
        }

        _block = larger;
    }

    private void Forget()
    {
        if (_block is { } block)
        {
            _block = null;
            blocks.Return(block);
        }

        _length = _lineStart = _nameEnd = _count = 0;
    }
}
