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

/// <summary>
/// Listeners of the model as <c>envoy.config.listener.v3.Listener</c>: one HTTP connection manager whose routes come over ADS. With TLS it stands in
/// one filter chain for each certificate, chosen by the server name.
/// </summary>
internal static class ListenerEmission
{
    public static Listener Emit(GatewayListener listener)
    {
        var message = new Listener { Name = listener.Name, Address = WellKnown.Socket(listener.Address, listener.Port) };
        var filter = new Filter { Name = "envoy.filters.network.http_connection_manager", TypedConfig = Pack(ConnectionManager(listener)) };
        if (listener.Tls is { } tls)
        {
            TlsEmission.AddChains(message, tls, filter);
        }
        else
        {
            message.FilterChains.Add(new FilterChain { Filters = { filter } });
        }

        return message;
    }

    private static HttpConnectionManager ConnectionManager(GatewayListener listener)
    {
        var connectionManager = new HttpConnectionManager
        {
            StatPrefix = listener.RouteTable,
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

        return connectionManager;
    }

    private static Any Pack(IMessage message) => Any.Pack(message);
}
