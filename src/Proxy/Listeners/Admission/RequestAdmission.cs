using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Listeners.Admission;

/// <summary>
/// What a request goes through before anything is decided by it: its path, its host and its identity take the form that routes, logs and the
/// upstream see.
/// </summary>
internal static class RequestAdmission
{
    /// <summary>False where the request was answered here.</summary>
    public static bool TryAdmit(Exchange exchange, HttpConnectionManagerState state)
    {
        var request = exchange.Request;
        if (exchange.Parser.DroppedFields > 0)
        {
            exchange.Worker.Stats.Add(state.Stats.DroppedHeadersWithUnderscores, exchange.Parser.DroppedFields);
        }

        // A client in the middle must not make the upstream believe in an encryption that is not there.
        if (request.IsHttpsTarget && exchange.ClientTls is null && state.Config.SchemeToOverwrite.Length == 0)
        {
            LocalReplies.SchemeNotAllowed(exchange);
            return false;
        }

        switch (state.Paths?.Normalize(request) ?? PathVerdict.Accepted)
        {
            case PathVerdict.Rejected:
            // A gRPC client follows no redirects.
            case PathVerdict.Redirect when exchange.IsGrpc:
                LocalReplies.PathRejected(exchange);
                return false;
            case PathVerdict.Redirect:
                LocalReplies.PathRedirected(exchange);
                return false;
        }

        state.Hosts?.Normalize(request, exchange.LocalAddress.Port);
        if (exchange.ClientTls is not null && exchange.Downstream.IsMisdirected(request.Authority))
        {
            LocalReplies.Misdirected(exchange);
            return false;
        }

        var status = RequestIdentity.Establish(exchange, state);
        if (status != 0)
        {
            LocalReplies.ClientUnknown(exchange, status);
        }

        return status == 0;
    }
}
