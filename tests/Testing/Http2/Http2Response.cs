using System.Text;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <summary>A response as a client received it.</summary>
/// <param name="Fields">Those of its head, <c>:status</c> too.</param>
/// <param name="Trailers">Empty where there were none.</param>
/// <param name="Interim">The 1xx heads that came before it, in order.</param>
public sealed record Http2Response(int StreamId, int Status, RawHeaders Fields, byte[] Body, RawHeaders Trailers, IReadOnlyList<RawHeaders> Interim)
{
    /// <summary>The body as Latin-1 text.</summary>
    public string BodyText => Encoding.Latin1.GetString(Body);

    public override string ToString() => $"{Fields}\n\n{BodyText}\n\n{Trailers}";
}
