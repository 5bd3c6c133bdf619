using System.Text;

namespace KubeProxyNet.Testing.Http;

/// <summary>How the end of a body was told (RFC 9112, section 6.3).</summary>
public enum BodyFraming
{
    /// <summary>There is none by rule: an answer to HEAD, 1xx, 204, 304, or a request without length.</summary>
    None,
    ContentLength,
    Chunked,

    /// <summary>The body ended with the connection.</summary>
    UntilClose,
}

/// <summary>A response as a client received it.</summary>
/// <param name="Interim">The 1xx heads that came before it, in order.</param>
/// <param name="RawHead">The head's exact bytes, with the empty line.</param>
public sealed record RawResponse(
    string Version,
    int Status,
    string Reason,
    RawHeaders Headers,
    byte[] Body,
    BodyFraming Framing,
    RawHeaders Trailers,
    IReadOnlyList<RawResponse> Interim,
    byte[] RawHead)
{
    /// <summary>The body as Latin-1 text.</summary>
    public string BodyText => Encoding.Latin1.GetString(Body);

    /// <summary>The head as Latin-1 text.</summary>
    public string HeadText => Encoding.Latin1.GetString(RawHead);

    public override string ToString() => HeadText + BodyText;
}
