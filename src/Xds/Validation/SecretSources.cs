using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Finds where TLS contexts fetch secrets from.</summary>
internal static class SecretSources
{
    /// <summary>The sources of a transport socket and where each stands; none for plain text and what cannot be read.</summary>
    public static IEnumerable<(ConfigSource? Source, ConfigPath Path)> Of(TransportSocket? socket, ConfigPath path)
    {
        var (common, keys) = Read(socket);
        var at = path.Field("transport_socket").Field("typed_config");
        var place = at.Field("common_tls_context");
        for (var i = 0; i < (common?.TlsCertificateSdsSecretConfigs.Count ?? 0); i++)
        {
            yield return (common!.TlsCertificateSdsSecretConfigs[i].SdsConfig, place.Field("tls_certificate_sds_secret_configs").Index(i).Field("sds_config"));
        }

        yield return (common?.ValidationContextSdsSecretConfig?.SdsConfig, place.Field("validation_context_sds_secret_config").Field("sds_config"));
        yield return (
            common?.CombinedValidationContext?.ValidationContextSdsSecretConfig?.SdsConfig,
            place.Field("combined_validation_context").Field("validation_context_sds_secret_config").Field("sds_config"));
        yield return (keys?.SdsConfig, at.Field("session_ticket_keys_sds_secret_config").Field("sds_config"));
    }

    private static (CommonTlsContext? Common, SdsSecretConfig? Keys) Read(TransportSocket? socket)
    {
        var config = socket?.TypedConfig;
        if (config?.Is(DownstreamTlsContext.Descriptor) == true && WireParser.TryParse(DownstreamTlsContext.Descriptor, config.Value, out var downstream, out _))
        {
            var context = (DownstreamTlsContext)downstream;
            return (context.CommonTlsContext, context.SessionTicketKeysSdsSecretConfig);
        }

        return config?.Is(UpstreamTlsContext.Descriptor) == true && WireParser.TryParse(UpstreamTlsContext.Descriptor, config.Value, out var upstream, out _)
            ? (((UpstreamTlsContext)upstream).CommonTlsContext, null)
            : (null, null);
    }
}
