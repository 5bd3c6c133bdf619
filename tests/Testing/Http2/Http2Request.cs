using System.Text;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <summary>A request as a backend received it, to its end.</summary>
/// <param name="Connection">Number of the backend's connection that it came on, from 1.</param>
/// <param name="Fields">Those of its head, pseudo-header fields too.</param>
public sealed record Http2Request(int Connection, int StreamId, RawHeaders Fields, byte[] Body, RawHeaders Trailers)
{
    public string Method => Fields[":method"] ?? "";

    /// <summary>Null for a CONNECT that is none of RFC 8441.</summary>
    public string? Path => Fields[":path"];

    public string? Scheme => Fields[":scheme"];

    public string? Authority => Fields[":authority"];

    /// <summary>The body as Latin-1 text.</summary>
    public string BodyText => Encoding.Latin1.GetString(Body);
}
