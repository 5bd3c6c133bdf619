namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// Follows the extensions of a chunk (RFC 9112 §7.1.1) byte by byte, to be sure that nobody could see the end of the line elsewhere: a quoted
/// value that is still open at a CR LF is where parsers disagree. White space is read over where the grammar has it (RFC 9110 §5.6.3): on both
/// sides of ";" and "=", not before the line end. What an extension says is of no interest.
/// </summary>
internal struct ChunkExtension
{
    private State _state;

    private enum State : byte
    {
        /// <summary>Behind the size, or white space behind it or behind a value: an extension follows.</summary>
        Before,

        /// <summary>Behind ";".</summary>
        Start,
        Name,

        /// <summary>White space behind a name: "=" or another extension follows.</summary>
        NameEnd,

        /// <summary>Behind "=".</summary>
        Value,
        Token,
        Quoted,
        QuotedPair,

        /// <summary>Right behind a quoted value.</summary>
        QuotedEnd,
    }

    /// <summary>True where the line may end here.</summary>
    public readonly bool MayEnd => _state is State.Name or State.Token or State.QuotedEnd;

    /// <summary>Takes a byte behind the size, no line end. False where no extension has it there.</summary>
    public bool Take(byte b)
    {
        var isSpace = b is (byte)' ' or (byte)'\t';
        State? next = _state switch
        {
            State.Start => isSpace ? State.Start : IfToken(b, State.Name),
            State.Name => b switch { (byte)'=' => State.Value, (byte)';' => State.Start, _ => isSpace ? State.NameEnd : IfToken(b, State.Name) },
            State.NameEnd => b switch { (byte)'=' => State.Value, (byte)';' => State.Start, _ => isSpace ? State.NameEnd : null },
            State.Value => b == '"' ? State.Quoted : isSpace ? State.Value : IfToken(b, State.Token),
            State.Token => b == ';' ? State.Start : isSpace ? State.Before : IfToken(b, State.Token),
            State.Quoted => b switch { (byte)'"' => State.QuotedEnd, (byte)'\\' => State.QuotedPair, _ => Grammar.IsText(b) ? State.Quoted : null },
            State.QuotedPair => Grammar.IsText(b) ? State.Quoted : null,
            _ => b == ';' ? State.Start : isSpace ? State.Before : null,
        };
        _state = next ?? _state;
        return next.HasValue;
    }

    private static State? IfToken(byte b, State state) => Grammar.TokenBytes.Contains(b) ? state : null;
}
