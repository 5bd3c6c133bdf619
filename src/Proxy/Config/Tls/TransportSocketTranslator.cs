using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.RawBuffer.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>The circumstances in which transport sockets are read.</summary>
/// <param name="Owner">The resource that they stand in, for people: <c>listener "web"</c>.</param>
/// <param name="Now">The time that certificates must be valid at.</param>
internal sealed record SocketReading(string Owner, DateTimeOffset Now)
{
    /// <summary>False where what is behind the socket speaks HTTP/1 alone, so that a client must not be let to choose HTTP/2.</summary>
    public bool OffersHttp2 { get; init; } = true;
}

/// <summary>Turns transport sockets into plans of TLS; plain text is null.</summary>
internal static class TransportSocketTranslator
{
    private const string Remedy = "use a typed_config of envoy.extensions.transport_sockets.";

    /// <summary>The socket of a filter chain; null for plain text, and after a problem.</summary>
    /// <param name="socket">The message; null for plain text.</param>
    /// <param name="reading">What the contexts stand in.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it stands.</param>
    public static DownstreamTlsPlan? Downstream(TransportSocket? socket, SocketReading reading, TranslationProblems problems, ConfigPath path)
    {
        if (IsPlain(socket))
        {
            return null;
        }

        if (socket!.TypedConfig?.TryUnpack(out DownstreamTlsContext context) == true)
        {
            return new TlsContextTranslator(reading.Now, reading.Owner, problems).Downstream(context, reading.OffersHttp2, path.Field("typed_config"));
        }

        problems.Add(path, $"\"{socket.Name}\" is not supported", Remedy + "tls.v3.DownstreamTlsContext, or remove it");
        return null;
    }

    /// <summary>The socket of a cluster; null for plain text, and after a problem.</summary>
    /// <param name="socket">The message; null for plain text.</param>
    /// <param name="reading">What the contexts stand in.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it stands.</param>
    public static UpstreamTlsPlan? Upstream(TransportSocket? socket, SocketReading reading, TranslationProblems problems, ConfigPath path)
    {
        if (IsPlain(socket))
        {
            return null;
        }

        if (socket!.TypedConfig?.TryUnpack(out UpstreamTlsContext context) == true)
        {
            return new TlsContextTranslator(reading.Now, reading.Owner, problems).Upstream(context, path.Field("typed_config"));
        }

        problems.Add(path, $"\"{socket.Name}\" is not supported", Remedy + "tls.v3.UpstreamTlsContext, or remove it");
        return null;
    }

    private static bool IsPlain(TransportSocket? socket) => socket is null || socket.TypedConfig?.Is(RawBuffer.Descriptor) == true;
}
