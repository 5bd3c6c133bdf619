using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.AccessLoggers.Stream.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.ControlPlane.Model;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Listeners of the model as <c>envoy.config.listener.v3.Listener</c>: one HTTP connection manager whose routes come over ADS.</summary>
internal static class ListenerEmission
{
    public static Listener Emit(GatewayListener listener)
    {
        var connectionManager = new HttpConnectionManager
        {
            StatPrefix = "ingress_http",
            Rds = new Rds { ConfigSource = WellKnown.OverAds(), RouteConfigName = listener.RouteTable },
            HttpFilters = { new HttpFilter { Name = "envoy.filters.http.router", TypedConfig = Pack(new Router()) } },

            // This is the edge: the client's address is the socket's, and x-forwarded-for from outside is not believed. Paths and names that
            // backends read in different ways do not get past it.
            UseRemoteAddress = true,
            NormalizePath = true,
            MergeSlashes = true,
            PathWithEscapedSlashesAction = HttpConnectionManager.Types.PathWithEscapedSlashesAction.RejectRequest,
            CommonHttpProtocolOptions = new HttpProtocolOptions
            {
                HeadersWithUnderscoresAction = HttpProtocolOptions.Types.HeadersWithUnderscoresAction.RejectRequest,
            },
        };
        if (listener.AccessLog)
        {
            connectionManager.AccessLog.Add(new AccessLog { Name = "envoy.access_loggers.stdout", TypedConfig = Pack(new StdoutAccessLog()) });
        }

        return new Listener
        {
            Name = listener.Name,
            Address = WellKnown.Socket(listener.Address, listener.Port),
            FilterChains =
            {
                new FilterChain
                {
                    Filters = { new Filter { Name = "envoy.filters.network.http_connection_manager", TypedConfig = Pack(connectionManager) } },
                },
            },
        };
    }

    private static Any Pack(IMessage message) => Any.Pack(message);
}
