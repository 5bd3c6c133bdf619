using System.Collections.Immutable;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.HttpInspector.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the listener filters of a listener into what the engine runs.</summary>
internal static class ListenerFiltersTranslator
{
    /// <summary>The filters in their order.</summary>
    public static ImmutableArray<ListenerFilterConfig> Translate(IReadOnlyList<ListenerFilter> filters, TranslationProblems problems, ConfigPath path)
    {
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
            else
            {
                problems.Add(
                    path.Index(i).Field("typed_config"),
                    filters[i].TypedConfig is null ? "is missing" : $"\"{filters[i].TypedConfig.TypeUrl}\" is no listener filter that is supported",
                    "use envoy.filters.listener.tls_inspector or envoy.filters.listener.http_inspector");
            }
        }

        return translated.ToImmutable();
    }
}
