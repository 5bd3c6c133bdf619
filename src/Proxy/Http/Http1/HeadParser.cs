namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// Reads a head line by line, in place, as bytes arrive (RFC 9112 §2). Sans-I/O: give it the storage and how far it is filled; it keeps
/// its place between calls. Every line is looked at once; names are put into lower case where they stand.
/// </summary>
internal abstract class HeadParser
{
    /// <summary>Default limit of a head, Envoy's <c>max_request_headers_kb</c>: 60 KiB.</summary>
    public const int DefaultMaxHeadBytes = 60 * 1024;

    /// <summary>Default limit of fields, Envoy's <c>max_headers_count</c>: 100.</summary>
    public const int DefaultMaxFields = 100;

    private const int MaxLeadingEmptyLines = 4;

    private int _start;
    private int _line;
    private int _scanned;
    private int _emptyLines;
    private bool _inFields;

    /// <summary>Longest head accepted, in bytes.</summary>
    public int MaxHeadBytes { get; set; } = DefaultMaxHeadBytes;

    /// <summary>Most fields accepted.</summary>
    public int MaxFields { get; set; } = DefaultMaxFields;

    /// <summary>False until the first byte of the start line: an empty line before a request says nothing yet (RFC 9112 §2.2).</summary>
    public bool HasBegun { get; private set; }

    /// <summary>What becomes of fields whose name has an underscore.</summary>
    public HeadersWithUnderscoresAction Underscores { get; set; }

    /// <summary>Number of fields that <see cref="Underscores"/> withheld.</summary>
    public int DroppedFields { get; private set; }

    /// <summary>Why the head was refused; <see cref="Http1Error.None"/> until then.</summary>
    public Http1Error Error { get; private set; }

    /// <summary>Offset of the first byte after the head, once done.</summary>
    public int HeadEnd { get; private set; }

    /// <summary>Offset where the header lines begin, once the start line was read.</summary>
    public int FieldsStart { get; private set; }

    /// <summary>The head being filled.</summary>
    protected abstract MessageHead Head { get; }

    /// <summary>Gets ready for a head that begins at <paramref name="start"/> of the storage.</summary>
    public void Begin(int start)
    {
        _start = _line = _scanned = start;
        _emptyLines = 0;
        DroppedFields = 0;
        _inFields = false;
        HasBegun = false;
        Error = Http1Error.None;
        Head.Reset();
    }

    /// <summary>Goes on with the bytes up to <paramref name="end"/>. The storage may be another array than before if it holds the same bytes.</summary>
    public ParseStatus Parse(byte[] storage, int end)
    {
        Head.Bytes = storage;
        while (true)
        {
            if (_inFields && _scanned == _line)
            {
                TakePlainLines(storage, end);
            }

            var length = storage.AsSpan(_scanned, end - _scanned).IndexOf((byte)'\n');
            var lineFeed = length < 0 ? end : _scanned + length;
            var start = _line;

            // What cannot become a start line is refused with its first wrong byte, and not when a line end or the deadline comes.
            var error = _inFields ? Http1Error.None : JudgeStart(storage.AsSpan(start, lineFeed - start));
            if (error != Http1Error.None)
            {
                return Fail(error);
            }

            if (length < 0)
            {
                _scanned = end;
                HasBegun = _inFields || (end > start && storage[start] != '\r');
                return end - _start > MaxHeadBytes ? Fail(Http1Error.HeadTooLarge) : ParseStatus.NeedMore;
            }

            _line = _scanned = lineFeed + 1;
            if (_line - _start > MaxHeadBytes)
            {
                return Fail(Http1Error.HeadTooLarge);
            }

            if (lineFeed == start || storage[lineFeed - 1] != '\r')
            {
                return Fail(Http1Error.BareLineFeed);
            }

            error = TakeLine(storage, start, lineFeed - 1, out var done);
            if (error != Http1Error.None)
            {
                return Fail(error);
            }

            if (done)
            {
                HeadEnd = _line;
                error = Finish();
                return error == Http1Error.None ? ParseStatus.Done : Fail(error);
            }
        }
    }

    /// <summary>Judges as much of the start line as has come, its CR included: an error only where no further byte could make it good.</summary>
    protected abstract Http1Error JudgeStart(ReadOnlySpan<byte> line);

    /// <summary>Reads the start line between two offsets; <see cref="JudgeStart"/> found nothing wrong with it.</summary>
    protected abstract Http1Error ParseStartLine(byte[] storage, int start, int end);

    /// <summary>Judges the whole head: framing, Host.</summary>
    protected abstract Http1Error Finish();

    /// <summary>Takes good lines for as long as one follows the other; the first that is anything else is left to be judged.</summary>
    private void TakePlainLines(byte[] storage, int end)
    {
        // The one that goes beyond what a head may have is judged like any other.
        var head = Head;
        var limit = Math.Min(end, _start + MaxHeadBytes);
        while (head.FieldCount < MaxFields && _line < limit && storage[_line] != '\r' && FieldLine.TryTake(storage, _line, limit, out var line))
        {
            head.AddField(line.Name, line.Value, KnownHeaders.Identify(storage.AsSpan(line.Name.Offset, line.Name.Length)));
            _line = _scanned = line.Next;
        }
    }

    private Http1Error TakeLine(byte[] storage, int start, int end, out bool done)
    {
        done = false;
        if (_inFields)
        {
            if (start == end)
            {
                done = true;
                return Http1Error.None;
            }

            return ParseField(storage, start, end);
        }

        if (start == end)
        {
            // RFC 9112 §2.2: a server should ignore an empty line before the request line. Before a status line there is none: JudgeStart.
            return ++_emptyLines > MaxLeadingEmptyLines ? Http1Error.BadStartLine : Http1Error.None;
        }

        _inFields = true;
        FieldsStart = _line;
        return ParseStartLine(storage, start, end);
    }

    private Http1Error ParseField(byte[] storage, int start, int end)
    {
        var line = storage.AsSpan(start, end - start);
        if (line[0] is (byte)' ' or (byte)'\t')
        {
            return Http1Error.ObsoleteFold;
        }

        var colon = line.IndexOfAnyExcept(Grammar.TokenBytes);
        if (colon <= 0 || line[colon] != ':')
        {
            return Http1Error.BadFieldName;
        }

        if (Head.FieldCount >= MaxFields)
        {
            return Http1Error.TooManyFields;
        }

        var value = line[(colon + 1)..];
        if (!Grammar.IsText(value))
        {
            return Http1Error.BadFieldValue;
        }

        var name = line[..colon];
        LowerCase(name);
        var (valueStart, valueLength) = TrimWhiteSpace(value);
        var id = KnownHeaders.Identify(name);
        if (Underscores != HeadersWithUnderscoresAction.Allow && name.Contains((byte)'_'))
        {
            if (Underscores == HeadersWithUnderscoresAction.RejectRequest)
            {
                return Http1Error.UnderscoreInFieldName;
            }

            DroppedFields++;
            id = KnownHeader.Withheld;
        }

        Head.AddField(new Slice(start, colon), new Slice(start + colon + 1 + valueStart, valueLength), id);
        return Http1Error.None;
    }

    private static (int Start, int Length) TrimWhiteSpace(ReadOnlySpan<byte> value)
    {
        var start = 0;
        var end = value.Length;
        while (start < end && value[start] is (byte)' ' or (byte)'\t')
        {
            start++;
        }

        while (end > start && value[end - 1] is (byte)' ' or (byte)'\t')
        {
            end--;
        }

        return (start, end - start);
    }

    private static void LowerCase(Span<byte> name)
    {
        foreach (ref var b in name)
        {
            if ((uint)(b - 'A') <= 'Z' - 'A')
            {
                b |= 0x20;
            }
        }
    }

    private ParseStatus Fail(Http1Error error)
    {
        Error = error;
        return ParseStatus.Failed;
    }
}
