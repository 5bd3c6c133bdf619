using System.Text;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;
using OcspStaplePolicy = KubeProxyNet.Proxy.Tls.Settings.OcspStaplePolicy;
using StaplePolicy = Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext.Types.OcspStaplePolicy;
using TicketKeysCase = Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext.SessionTicketKeysTypeOneofCase;
using ValidationCase = Envoy.Extensions.TransportSockets.Tls.V3.CommonTlsContext.ValidationContextTypeOneofCase;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Turns TLS contexts into plans, to be completed with secrets. What stands in them is read at once.</summary>
/// <param name="now">The time that certificates must be valid at.</param>
/// <param name="owner">The resource that the context stands in, for people: <c>listener "web"</c>.</param>
/// <param name="problems">Takes what is wrong.</param>
internal sealed class TlsContextTranslator(DateTimeOffset now, string owner, TranslationProblems problems)
{
    private static readonly TimeSpan DefaultSessionTimeout = TimeSpan.FromHours(2);
    private static readonly TimeSpan LongestSession = TimeSpan.FromSeconds(int.MaxValue);

    /// <summary>TLS towards clients; null after a problem.</summary>
    /// <param name="message">A message that passed the checks of its schema.</param>
    /// <param name="offersHttp2">False where only HTTP/1 is spoken behind it.</param>
    /// <param name="path">Where it stands.</param>
    public DownstreamTlsPlan? Downstream(DownstreamTlsContext message, bool offersHttp2, ConfigPath path)
    {
        var before = problems.Found.Count;
        var place = path.Field("common_tls_context");
        var common = message.CommonTlsContext ?? new CommonTlsContext();
        if (common.TlsCertificates.Count == 0 && common.TlsCertificateSdsSecretConfigs.Count == 0)
        {
            problems.Add(place, "there is no certificate to show to clients", "add tls_certificates, or tls_certificate_sds_secret_configs");
        }
        else if (common.TlsCertificates.Count > 0 && common.TlsCertificateSdsSecretConfigs.Count > 0)
        {
            problems.Add(place.Field("tls_certificate_sds_secret_configs"), "SDS and non-SDS TLS certificates may not be mixed in server contexts", "keep one of the two");
        }

        var (validation, defaults) = Validation(common, place);
        var settings = new DownstreamTlsConfig
        {
            Parameters = TlsParametersTranslator.Translate(common.TlsParams, isServer: true, problems, place.Field("tls_params")),
            Certificates = ValueList<CertificateConfig>.Empty,
            RequireClientCertificate = message.RequireClientCertificate ?? false,
            AlpnProtocols = Alpn(common, offersHttp2, place.Field("alpn_protocols")),
            DisableStatelessResumption = message.DisableStatelessSessionResumption,
            DisableStatefulResumption = message.DisableStatefulSessionResumption,
            SessionTimeout = SessionTimeout(message, path.Field("session_timeout")),
            OcspStaplePolicy = message.OcspStaplePolicy switch
            {
                StaplePolicy.StrictStapling => OcspStaplePolicy.StrictStapling,
                StaplePolicy.MustStaple => OcspStaplePolicy.MustStaple,
                _ => OcspStaplePolicy.LenientStapling,
            },
            FullScanCertsOnSniMismatch = message.FullScanCertsOnSniMismatch ?? false,
            PreferClientCiphers = message.PreferClientCiphers,
        };
        var plan = new DownstreamTlsPlan
        {
            Settings = settings,
            Certificates = Certificates(common, place),
            Validation = validation,
            DefaultValidation = defaults,
            TicketKeys = TicketKeys(message, path),
            Place = place,
        };
        return problems.Found.Count > before ? null : plan;
    }

    /// <summary>TLS towards endpoints; null after a problem.</summary>
    public UpstreamTlsPlan? Upstream(UpstreamTlsContext message, ConfigPath path)
    {
        var before = problems.Found.Count;
        var place = path.Field("common_tls_context");
        var common = message.CommonTlsContext ?? new CommonTlsContext();
        if (common.TlsCertificates.Count + common.TlsCertificateSdsSecretConfigs.Count > 1)
        {
            problems.Add(place, "multiple TLS certificates are not supported for client contexts", "keep one");
        }

        if (message.Sni.Contains('\0', StringComparison.Ordinal) || message.Sni.Length > byte.MaxValue)
        {
            problems.Add(path.Field("sni"), "is no server name: it has a NUL or more than 255 characters", "write the host name to ask for");
        }

        var (validation, defaults) = Validation(common, place);
        var settings = new UpstreamTlsConfig
        {
            Parameters = TlsParametersTranslator.Translate(common.TlsParams, isServer: false, problems, place.Field("tls_params")),
            Sni = message.Sni,
            AutoHostSni = message.AutoHostSni,
            AutoSniSanValidation = message.AutoSniSanValidation,
            AlpnProtocols = Alpn(common, offersHttp2: true, place.Field("alpn_protocols")),
            MaxSessionKeys = (int)Math.Min(message.MaxSessionKeys ?? 1u, int.MaxValue),
        };
        var plan = new UpstreamTlsPlan { Settings = settings, Certificates = Certificates(common, place), Validation = validation, DefaultValidation = defaults, Place = place };
        return problems.Found.Count > before ? null : plan;
    }

    private List<SecretPart> Certificates(CommonTlsContext common, ConfigPath path)
    {
        var parts = new List<SecretPart>();
        for (var i = 0; i < common.TlsCertificates.Count; i++)
        {
            Add(parts, Inline(common.TlsCertificates[i], path.Field("tls_certificates").Index(i)));
        }

        for (var i = 0; i < common.TlsCertificateSdsSecretConfigs.Count; i++)
        {
            Add(parts, Asked(common.TlsCertificateSdsSecretConfigs[i], SecretKind.Certificate, path.Field("tls_certificate_sds_secret_configs").Index(i)));
        }

        return parts;
    }

    private (SecretPart? Validation, SecretPart? Defaults) Validation(CommonTlsContext common, ConfigPath path)
    {
        switch (common.ValidationContextTypeCase)
        {
            case ValidationCase.ValidationContext:
                return (Inline(common.ValidationContext, path.Field("validation_context")), null);
            case ValidationCase.ValidationContextSdsSecretConfig:
                return (Asked(common.ValidationContextSdsSecretConfig, SecretKind.Validation, path.Field("validation_context_sds_secret_config")), null);
            case ValidationCase.CombinedValidationContext:
                var combined = path.Field("combined_validation_context");
                var defaults = Inline(common.CombinedValidationContext.DefaultValidationContext ?? new CertificateValidationContext(), combined.Field("default_validation_context"));
                var asked = Asked(
                    common.CombinedValidationContext.ValidationContextSdsSecretConfig ?? new SdsSecretConfig(), SecretKind.Validation,
                    combined.Field("validation_context_sds_secret_config"));
                return (asked, defaults);
            default:
                return (null, null);
        }
    }

    private SecretPart? TicketKeys(DownstreamTlsContext message, ConfigPath path) => message.SessionTicketKeysTypeCase switch
    {
        TicketKeysCase.SessionTicketKeys => Inline(message.SessionTicketKeys, path.Field("session_ticket_keys")),
        TicketKeysCase.SessionTicketKeysSdsSecretConfig => Asked(message.SessionTicketKeysSdsSecretConfig, SecretKind.TicketKeys, path.Field("session_ticket_keys_sds_secret_config")),
        _ => null,
    };

    private SecretPart? Inline(IMessage message, ConfigPath path) =>
        TlsSecret.Read(message, $"{owner} {path}", followsFiles: false, now, problems, path) is { } secret ? new SecretPart(secret, null) : null;

    private SecretPart? Asked(SdsSecretConfig message, SecretKind kind, ConfigPath path) =>
        SecretReference.Of(message, kind, problems, path) is { } reference ? new SecretPart(null, reference) : null;

    private static void Add(List<SecretPart> parts, SecretPart? part)
    {
        if (part is not null)
        {
            parts.Add(part);
        }
    }

    private TimeSpan SessionTimeout(DownstreamTlsContext message, ConfigPath path)
    {
        var timeout = message.SessionTimeout?.ToTimeSpan() ?? DefaultSessionTimeout;
        if (timeout >= TimeSpan.Zero && timeout <= LongestSession)
        {
            return timeout;
        }

        problems.Add(path, $"{timeout.TotalSeconds} s is no time that a session can be kept", "write a duration from 0s on");
        return DefaultSessionTimeout;
    }

    /// <summary>Protocols of RFC 7301: 1 to 255 bytes each; a text may name several, with commas between them.</summary>
    private ValueList<string> Alpn(CommonTlsContext common, bool offersHttp2, ConfigPath path)
    {
        var protocols = new List<string>();
        for (var i = 0; i < common.AlpnProtocols.Count; i++)
        {
            foreach (var protocol in common.AlpnProtocols[i].Split(','))
            {
                if (Encoding.UTF8.GetByteCount(protocol) is 0 or > byte.MaxValue)
                {
                    problems.Add(path.Index(i), $"\"{protocol}\" is no protocol of ALPN: those have 1 to 255 bytes", "write h2 or http/1.1");
                }
                else if (protocol == "h2" && !offersHttp2)
                {
                    // Envoy offers it, and then reads what every such client sends as HTTP/1.
                    problems.Add(new ConfigProblem(ConfigProblemKind.NotActedOn, path.Index(i), "codec_type is HTTP1, so \"h2\" is not offered", "remove \"h2\", or write codec_type: AUTO"));
                }
                else
                {
                    protocols.Add(protocol);
                }
            }
        }

        return new ValueList<string>(protocols);
    }
}
