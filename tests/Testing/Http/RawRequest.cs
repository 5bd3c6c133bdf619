using System.Text;

namespace KubeProxyNet.Testing.Http;

/// <summary>A request as a backend received it.</summary>
/// <param name="Connection">Number of the backend connection that it came on, from 1.</param>
/// <param name="Ordinal">Its place on that connection, from 1.</param>
/// <param name="RawHead">The head's exact bytes, with the empty line.</param>
public sealed record RawRequest(
    int Connection,
    int Ordinal,
    string Method,
    string Target,
    string Version,
    RawHeaders Headers,
    byte[] Body,
    RawHeaders Trailers,
    byte[] RawHead)
{
    /// <summary>Its place in the backend's ledger, over all connections, from 1; 0 where it is not entered yet.</summary>
    public int Arrival { get; init; }

    /// <summary>The body as Latin-1 text.</summary>
    public string BodyText => Encoding.Latin1.GetString(Body);

    /// <summary>The head as Latin-1 text.</summary>
    public string HeadText => Encoding.Latin1.GetString(RawHead);

    /// <summary>Whether the sender wants the connection closed after this exchange (RFC 9112, section 9.3).</summary>
    public bool WantsClose => Headers.HasToken("connection", "close")
        || (string.Equals(Version, "HTTP/1.0", StringComparison.Ordinal) && !Headers.HasToken("connection", "keep-alive"));
}
