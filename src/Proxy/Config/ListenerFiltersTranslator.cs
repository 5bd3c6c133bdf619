using System.Collections.Immutable;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.HttpInspector.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Kpn.Filters.Listener.SourceConnectionLimit.V3;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the listener filters of a listener into what the engine runs.</summary>
internal static class ListenerFiltersTranslator
{
    /// <summary>The filters in their order.</summary>
    /// <param name="filters">The messages.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where they stand.</param>
    /// <param name="sources">How many connections a source may have, which is asked before anything is looked at, wherever it stands; null for any number.</param>
    public static ImmutableArray<ListenerFilterConfig> Translate(
        IReadOnlyList<ListenerFilter> filters, TranslationProblems problems, ConfigPath path, out Overload.SourceConnectionLimit? sources)
    {
        sources = null;
        var translated = ImmutableArray.CreateBuilder<ListenerFilterConfig>();
        for (var i = 0; i < filters.Count; i++)
        {
            if (filters[i].TypedConfig is { } any && any.TryUnpack<TlsInspector>(out var tls))
            {
                translated.Add(new TlsInspectorConfig
                {
                    MaxClientHelloBytes = (int)(tls.MaxClientHelloSize ?? TlsInspectorConfig.LongestClientHello),
                    ClosesOnParsingErrors = tls.CloseConnectionOnClientHelloParsingErrors,
                });
            }
            else if (filters[i].TypedConfig?.Is(HttpInspector.Descriptor) == true)
            {
                translated.Add(new HttpInspectorConfig());
            }
            else if (filters[i].TypedConfig is { } own && own.TryUnpack<SourceConnectionLimit>(out var limit))
            {
                if (sources is not null)
                {
                    problems.Add(path.Index(i), "the connections of a source have a limit already", "keep one of the two");
                }

                sources = SourceConnectionLimitTranslator.Translate(limit.MaxConnections, limit.Ipv4PrefixLength, limit.Ipv6PrefixLength);
            }
            else
            {
                problems.Add(
                    path.Index(i).Field("typed_config"),
                    filters[i].TypedConfig is null ? "is missing" : $"\"{filters[i].TypedConfig.TypeUrl}\" is no listener filter that is supported",
                    "use envoy.filters.listener.tls_inspector, envoy.filters.listener.http_inspector or kpn.filters.listener.source_connection_limit");
            }
        }

        return translated.ToImmutable();
    }
}
