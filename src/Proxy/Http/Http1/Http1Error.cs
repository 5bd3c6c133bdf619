namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>Why a message was refused. Anything ambiguous is refused, never repaired (RFC 9112 §11.2).</summary>
internal enum Http1Error : byte
{
    None,

    /// <summary>The start line does not follow RFC 9112 §3 or §4.</summary>
    BadStartLine,

    /// <summary>The target is none of the four forms of RFC 9112 §3.2, or holds bytes that no URI may hold.</summary>
    BadTarget,

    /// <summary>A version other than HTTP/1.0 and HTTP/1.1.</summary>
    BadVersion,

    /// <summary>A line ended with LF alone, or a CR stood without LF (RFC 9112 §2.2).</summary>
    BareLineFeed,

    /// <summary>A line began with white space (obs-fold, RFC 9112 §5.2).</summary>
    ObsoleteFold,

    /// <summary>A field name is empty, holds a byte that is no tchar, or is followed by white space (RFC 9112 §5.1).</summary>
    BadFieldName,

    /// <summary>A field name has an underscore, where that is not allowed.</summary>
    UnderscoreInFieldName,

    /// <summary>A field value holds a control character (RFC 9110 §5.5).</summary>
    BadFieldValue,

    /// <summary>The head is longer than allowed.</summary>
    HeadTooLarge,

    /// <summary>The head has more fields than allowed.</summary>
    TooManyFields,

    /// <summary>HTTP/1.1 without Host, with several, or with one that is no authority (RFC 9112 §3.2).</summary>
    BadHost,

    /// <summary>Content-Length is repeated, a list, signed, or not decimal digits (RFC 9112 §6.3).</summary>
    BadContentLength,

    /// <summary>Both Transfer-Encoding and Content-Length, or Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1).</summary>
    AmbiguousFraming,

    /// <summary>A transfer coding other than a single "chunked".</summary>
    UnsupportedTransferEncoding,

    /// <summary>A chunk size, extension or end does not follow RFC 9112 §7.1.</summary>
    BadChunk,

    /// <summary>The peer ended the connection inside a message.</summary>
    UnexpectedEnd,
}

/// <summary>What a parser made of the bytes so far.</summary>
internal enum ParseStatus : byte
{
    NeedMore,
    Done,
    Failed,
}
