using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.ControlPlane.Model;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>The filter chains of a listener with TLS. Certificates come over ADS, as resources of their own: a new one changes no listener.</summary>
internal static class TlsEmission
{
    /// <summary>Adds a chain for each certificate, and the default one where there is a default certificate.</summary>
    /// <param name="listener">Gets the chains and the inspector that reads the server name.</param>
    /// <param name="tls">The certificates.</param>
    /// <param name="filter">What every chain does with its connections.</param>
    public static void AddChains(Listener listener, TlsTermination tls, Filter filter)
    {
        listener.ListenerFilters.Add(new ListenerFilter
        {
            Name = "envoy.filters.listener.tls_inspector",
            TypedConfig = Any.Pack(new TlsInspector()),
        });
        foreach (var chain in tls.Chains)
        {
            var message = Chain(chain.Certificate, filter);
            message.Name = chain.Certificate;
            message.FilterChainMatch = new FilterChainMatch { ServerNames = { chain.Hosts.Select(static host => host.ToString()) } };
            listener.FilterChains.Add(message);
        }

        if (tls.DefaultCertificate is { } certificate)
        {
            listener.DefaultFilterChain = Chain(certificate, filter);
            listener.DefaultFilterChain.Name = "default";
        }
    }

    private static FilterChain Chain(string certificate, Filter filter)
    {
        var context = new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext
            {
                AlpnProtocols = { "h2", "http/1.1" },
                TlsCertificateSdsSecretConfigs = { new SdsSecretConfig { Name = certificate, SdsConfig = WellKnown.OverAds() } },
            },
        };
        return new FilterChain
        {
            Filters = { filter },
            TransportSocket = new TransportSocket { Name = "envoy.transport_sockets.tls", TypedConfig = Any.Pack(context) },
        };
    }
}
