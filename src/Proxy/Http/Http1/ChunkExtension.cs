namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// Follows the extensions of a chunk (RFC 9112 §7.1.1) byte by byte, to be sure that nobody could see the end of the line elsewhere: a quoted
/// value that is still open at a CR LF is where parsers disagree. What an extension says is of no interest.
/// </summary>
internal struct ChunkExtension
{
    private State _state;

    private enum State : byte
    {
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

        /// <summary>White space behind a value: another extension follows.</summary>
        ValueEnd,
    }

    /// <summary>True where the line may end here.</summary>
    public readonly bool MayEnd => _state is State.Name or State.Token or State.QuotedEnd;

    /// <summary>Takes a byte behind the first ";", no line end. False where no extension has it there.</summary>
    public bool Take(byte b)
    {
        var isSpace = b is (byte)' ' or (byte)'\t';
        State? next = _state switch
        {
            State.Start => isSpace ? State.Start : IfToken(b, State.Name),
            State.Name => b switch { (byte)'=' => State.Value, (byte)';' => State.Start, _ => isSpace ? State.NameEnd : IfToken(b, State.Name) },
            State.NameEnd => b switch { (byte)'=' => State.Value, (byte)';' => State.Start, _ => isSpace ? State.NameEnd : null },
            State.Value => b == '"' ? State.Quoted : isSpace ? State.Value : IfToken(b, State.Token),
            State.Token => b == ';' ? State.Start : isSpace ? State.ValueEnd : IfToken(b, State.Token),
            State.Quoted => b switch { (byte)'"' => State.QuotedEnd, (byte)'\\' => State.QuotedPair, _ => Grammar.IsText(b) ? State.Quoted : null },
            State.QuotedPair => Grammar.IsText(b) ? State.Quoted : null,
            _ => b == ';' ? State.Start : isSpace ? State.ValueEnd : null,
        };
        _state = next ?? _state;
        return next.HasValue;
    }

    private static State? IfToken(byte b, State state) => Grammar.TokenBytes.Contains(b) ? state : null;
}
