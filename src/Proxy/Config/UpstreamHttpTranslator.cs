using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using ProtocolCase = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.UpstreamProtocolOptionsOneofCase;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Turns what a cluster says of HTTP into what the engine runs: <c>HttpProtocolOptions</c>, or the older fields of the cluster itself, which are for nothing
/// where it is there.
/// </summary>
internal sealed class UpstreamHttpTranslator(ClusterMessage message, TranslationProblems problems)
{
    private const string Key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    /// <summary>The longest head of a response, in KiB: it waits for its rest in one block, with room for what comes behind it.</summary>
    private const int MaxHeadKilobytes = 96;

    /// <summary>Envoy's default for HTTP/1 (its runtime key is not read).</summary>
    private const int DefaultHeadKilobytes = 80;

    private const int MaxFields = 10_000;

    private static readonly ConfigPath Options = ConfigPath.Root.Field("typed_extension_protocol_options");

    /// <summary>The settings with what the cluster says of HTTP.</summary>
    /// <param name="config">The other settings.</param>
    public ClusterConfig Translate(ClusterConfig config)
    {
        foreach (var key in message.TypedExtensionProtocolOptions.Keys.Where(static key => key != Key))
        {
            problems.Add(Options.Key(key), "names no protocol that is known here", $"use the key \"{Key}\"");
        }

        HttpProtocolOptions? typed = null;
        if (message.TypedExtensionProtocolOptions.TryGetValue(Key, out var any))
        {
            any.TryUnpack(out typed);
        }

        var common = typed?.CommonHttpProtocolOptions ?? message.CommonHttpProtocolOptions;
        var place = (typed?.CommonHttpProtocolOptions is null ? ConfigPath.Root : Options.Key(Key)).Field("common_http_protocol_options");
        config = typed is null ? Older(config) : Typed(config, typed, Options.Key(Key));
        return config with
        {
            EnablesTrailers = (typed is null ? message.HttpProtocolOptions : Http1Of(typed))?.EnableTrailers ?? false,
            IdleTimeout = common?.IdleTimeout?.ToTimeSpan() ?? TimeSpan.FromHours(1),
            MaxConnectionDuration = ResourceTimeouts.Bounded(common?.MaxConnectionDuration?.ToTimeSpan() ?? TimeSpan.Zero),
            MaxStreamDuration = ResourceTimeouts.Bounded(common?.MaxStreamDuration?.ToTimeSpan() ?? TimeSpan.Zero),
            MaxResponseHeadBytes = (int)Limit(common?.MaxResponseHeadersKb ?? DefaultHeadKilobytes, MaxHeadKilobytes, place.Field("max_response_headers_kb")) * 1024,
            MaxResponseFields = (int)Limit(common?.MaxHeadersCount ?? HeadParser.DefaultMaxFields, MaxFields, place.Field("max_headers_count")),
            MaxRequestsPerConnection = (int)Math.Min(common?.MaxRequestsPerConnection ?? 0u, int.MaxValue),
        };
    }

    private static Http1ProtocolOptions? Http1Of(HttpProtocolOptions typed) => typed.UpstreamProtocolOptionsCase switch
    {
        ProtocolCase.ExplicitHttpConfig => typed.ExplicitHttpConfig.HttpProtocolOptions,
        ProtocolCase.UseDownstreamProtocolConfig => typed.UseDownstreamProtocolConfig.HttpProtocolOptions,
        ProtocolCase.AutoConfig => typed.AutoConfig.HttpProtocolOptions,
        _ => null,
    };

    private ClusterConfig Older(ClusterConfig config)
    {
        if (message.HttpProtocolOptions is not null && message.Http2ProtocolOptions is not null)
        {
            problems.Add(ConfigPath.Root.Field("http2_protocol_options"), "excludes http_protocol_options, which is set too", "keep one of the two");
        }

        return Speaking(config, message.Http2ProtocolOptions is null ? UpstreamProtocol.Http1 : UpstreamProtocol.Http2, message.Http2ProtocolOptions, ConfigPath.Root);
    }

    private ClusterConfig Typed(ClusterConfig config, HttpProtocolOptions typed, ConfigPath path)
    {
        var (protocol, options) = typed.UpstreamProtocolOptionsCase switch
        {
            ProtocolCase.ExplicitHttpConfig when typed.ExplicitHttpConfig.Http2ProtocolOptions is { } http2 => (UpstreamProtocol.Http2, http2),

            // Without options of HTTP/2 a client of HTTP/2 is served by HTTP/1.1, as in Envoy.
            ProtocolCase.UseDownstreamProtocolConfig when typed.UseDownstreamProtocolConfig.Http2ProtocolOptions is { } http2 => (UpstreamProtocol.Downstream, http2),
            ProtocolCase.AutoConfig => (UpstreamProtocol.Auto, typed.AutoConfig.Http2ProtocolOptions),
            _ => (UpstreamProtocol.Http1, null),
        };
        var place = path.Field(typed.UpstreamProtocolOptionsCase switch
        {
            ProtocolCase.AutoConfig => "auto_config",
            ProtocolCase.UseDownstreamProtocolConfig => "use_downstream_protocol_config",
            _ => "explicit_http_config",
        });
        if (protocol == UpstreamProtocol.Auto)
        {
            CheckAlpn(path.Field("auto_config"));
        }

        var names = typed.UpstreamHttpProtocolOptions;
        if (names?.OverrideAutoSniHeader.Any(static character => !IsOfToken(character)) == true)
        {
            problems.Add(path.Field("upstream_http_protocol_options").Field("override_auto_sni_header"), $"\"{names.OverrideAutoSniHeader}\" is no name of a header field", "write one such as x-host");
        }

        return Speaking(config, protocol, options, place) with
        {
            AutoSni = names?.AutoSni ?? false,
            AutoSanValidation = names?.AutoSanValidation ?? false,
            OverrideAutoSniHeader = names?.OverrideAutoSniHeader.ToLowerInvariant() ?? "",
        };
    }

    private ClusterConfig Speaking(ClusterConfig config, UpstreamProtocol protocol, Http2ProtocolOptions? options, ConfigPath path)
    {
        if (protocol == UpstreamProtocol.Http1)
        {
            return config;
        }

        (options, var customSettings) = new Http2SettingsTranslator(problems).Translate(options, path.Field("http2_protocol_options"));
        return config with { Protocol = protocol, Http2 = Http2OptionsTranslator.Translate(options, message.PerConnectionBufferLimitBytes) with { CustomSettings = customSettings } };
    }

    /// <summary>ALPN is part of TLS: every endpoint must be spoken to by it.</summary>
    private void CheckAlpn(ConfigPath path)
    {
        if (!IsTls(message.TransportSocket))
        {
            problems.Add(path, "the version is chosen by ALPN, and transport_socket is not TLS", "use an UpstreamTlsContext there, or explicit_http_config");
        }

        for (var i = 0; i < message.TransportSocketMatches.Count; i++)
        {
            if (!IsTls(message.TransportSocketMatches[i].TransportSocket))
            {
                problems.Add(path, $"the version is chosen by ALPN, and transport_socket_matches[{i}] is not TLS", "use an UpstreamTlsContext there, or explicit_http_config");
            }
        }
    }

    private static bool IsTls(TransportSocket? socket) => socket?.TypedConfig?.Is(UpstreamTlsContext.Descriptor) == true;

    private static bool IsOfToken(char character) => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character, StringComparison.Ordinal);

    private uint Limit(uint value, uint most, ConfigPath path)
    {
        if (value > most)
        {
            problems.Add(path, $"{value} is more than {most}", $"write a number from 1 to {most}");
        }

        return value;
    }
}
