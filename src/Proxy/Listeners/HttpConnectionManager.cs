using System.Text;
using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Listeners.Admission;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>What happens to every request, whatever its protocol: admission, identity, the route, the filters, the log.</summary>
internal static class HttpConnectionManager
{
    /// <summary>Takes a request whose head was read to its route. True where filters or the router go on with it; otherwise it has been answered.</summary>
    public static bool Begin(Exchange exchange, HttpConnectionManagerState state)
    {
        var page = exchange.Worker.Stats;
        page.Increment(state.Stats.RequestsTotal);
        page.Increment(exchange.Downstream.IsHttp2 ? state.Stats.RequestsHttp2Total : state.Stats.RequestsHttp1Total);
        page.Add(state.Stats.RequestsActive, 1);
        exchange.Snapshot = exchange.Runtime.Snapshots.Current;
        exchange.Routes = exchange.Http.InlineRoutes ?? exchange.Snapshot.RouteTables.GetValueOrDefault(exchange.Http.RouteConfigName!);
        if (exchange.Downstream.IsRequestComplete && !exchange.Parser.WantsUpgrade && !exchange.Request.IsConnect)
        {
            exchange.RequestEndMs = exchange.Worker.NowMs;
        }

        return Admit(exchange, state) && SelectRoute(exchange, state);
    }

    /// <summary>
    /// Starts a request again that an upstream redirected and that is followed here. As in Envoy it is counted and logged as a request of its own. True
    /// where filters or the router go on with it; otherwise it has been answered.
    /// </summary>
    public static bool BeginAgain(Exchange exchange, HttpConnectionManagerState state)
    {
        Complete(exchange, state);
        var page = exchange.Worker.Stats;
        page.Increment(state.Stats.RequestsTotal);
        page.Increment(exchange.Downstream.IsHttp2 ? state.Stats.RequestsHttp2Total : state.Stats.RequestsHttp1Total);
        var match = exchange.BeginRedirected();
        if (exchange.Abort != AbortReason.None)
        {
            LocalReplies.Aborted(exchange);
            return false;
        }

        return TakeRoute(exchange, match);
    }

    /// <summary>The response to a request that was begun has been sent or cut.</summary>
    public static void End(Exchange exchange, HttpConnectionManagerState state)
    {
        exchange.Worker.Stats.Add(state.Stats.RequestsActive, -1);
        Complete(exchange, state);
    }

    /// <summary>Counts and logs an exchange that has ended.</summary>
    public static void Complete(Exchange exchange, HttpConnectionManagerState state)
    {
        var page = exchange.Worker.Stats;
        page.Increment(state.Stats.RequestsCompleted);
        page.Record(state.Stats.RequestTimeMs, exchange.Worker.NowMs - exchange.StartMs);
        if (exchange.Status is >= 100 and < 600)
        {
            page.Increment(state.Stats.ByClass[(exchange.Status / 100) - 1]);
        }

        foreach (var log in state.AccessLogs)
        {
            log.Write(exchange, exchange.LoggedRequest);
        }
    }

    private static bool Admit(Exchange exchange, HttpConnectionManagerState state)
    {
        var overload = exchange.Runtime.Overload;
        if (overload.IsAnyActive && overload.Applies(OverloadAction.StopAcceptingRequests, exchange.Worker.Random.Next()))
        {
            LocalReplies.Overloaded(exchange);
            return false;
        }

        var request = exchange.Request;
        if (request.MinorVersion == 0)
        {
            if (!exchange.Http.AcceptHttp10)
            {
                LocalReplies.VersionTooLow(exchange);
                return false;
            }

            if (request.Authority.IsEmpty && !TakeDefaultHost(exchange))
            {
                return false;
            }
        }

        if (!RequestAdmission.TryAdmit(exchange, state))
        {
            return false;
        }

        if (request.IsConnect && !exchange.Downstream.RequestFraming.IsEmpty)
        {
            LocalReplies.ConnectWithBody(exchange);
            return false;
        }

        return true;
    }

    private static bool TakeDefaultHost(Exchange exchange)
    {
        if (exchange.Http.DefaultHostForHttp10.Length == 0)
        {
            LocalReplies.MissingHost(exchange);
            return false;
        }

        exchange.Request.SetDefaultAuthority(Encoding.ASCII.GetBytes(exchange.Http.DefaultHostForHttp10));
        return true;
    }

    private static bool SelectRoute(Exchange exchange, HttpConnectionManagerState state)
    {
        var isFound = RouteSelection.TryMatch(exchange, out var match);
        if ((exchange.Parser.WantsUpgrade || exchange.Request.IsConnect) && !AllowUpgrade(exchange, state, isFound ? match.Route.Forward : null))
        {
            LocalReplies.UpgradeNotAllowed(exchange);
            return false;
        }

        if (isFound)
        {
            return TakeRoute(exchange, match);
        }

        return !AnswerHere(exchange);
    }

    private static bool TakeRoute(Exchange exchange, in RouteMatchResult match)
    {
        RouteSelection.Take(exchange, match);
        return exchange.Target is not null || !AnswerHere(exchange);
    }

    /// <summary>Answers a request that is not forwarded. False where filters go first, as in Envoy also those of a request without a route.</summary>
    private static bool AnswerHere(Exchange exchange)
    {
        if (!exchange.Http.Filters.IsEmpty)
        {
            return false;
        }

        RouteReplies.Answer(exchange);
        return true;
    }

    /// <summary>Notes what an upgrade asks for; false where neither the route nor the connection manager serves it, or the route refuses it.</summary>
    private static bool AllowUpgrade(Exchange exchange, HttpConnectionManagerState state, CompiledForward? forward)
    {
        var type = exchange.Request.IsConnect ? "CONNECT"u8 : exchange.Request.TryGet(KnownHeader.Upgrade, out var protocol) ? protocol : default;
        var ofRoute = forward?.Upgrades.Find(type);
        if ((ofRoute ?? state.Upgrades.Find(type)) is not { Enabled: true })
        {
            return false;
        }

        exchange.Upgrade = !exchange.Request.IsConnect ? UpgradeKind.Protocol
            : ofRoute is { TerminatesConnect: true } ? UpgradeKind.ConnectHere
            : UpgradeKind.Connect;
        return true;
    }
}
