using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// The last filter: sends the request to an endpoint of its cluster and relays the response. A request that met a kept connection which
/// the upstream had closed meanwhile is sent once more, where nothing was answered and sending it twice does no harm.
/// </summary>
internal static class Router
{
    /// <summary>Forwards one request and completes its exchange, whatever happens.</summary>
    public static async LoopTask ForwardAsync(Exchange exchange)
    {
        if (!Begin(exchange))
        {
            return;
        }

        // The second try takes a new connection: the other kept ones may have gone the same way.
        var maySendAgain = true;
        while (Pick(exchange) is { } endpoint)
        {
            var page = endpoint.State.PageOf(exchange.Worker);
            var upstream = maySendAgain && exchange.Upgrade != UpgradeKind.ConnectHere ? TakeKept(page.Pool, exchange.Request) : null;
            var isKept = upstream is not null;
            upstream ??= await ConnectAsync(exchange, page.Pool);
            if (upstream is null)
            {
                page.FailedRequests++;
                break;
            }

            BeginAttempt(exchange, upstream, page);
            var outcome = exchange.Downstream.IsRequestComplete && exchange.Upgrade != UpgradeKind.ConnectHere
                ? await ResponseRelay.RunAsync(exchange, upstream)
                : await ExchangeAsync(exchange, upstream);
            if (!EndAttempt(exchange, upstream, page, outcome, isKept))
            {
                break;
            }

            maySendAgain = false;
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.RequestRetry);
        }

        End(exchange);
    }

    private static bool Begin(Exchange exchange)
    {
        var action = exchange.Route!.Forward!.Source;
        if (!exchange.Snapshot.Clusters.TryGetValue(ClusterName(exchange), out var cluster))
        {
            LocalReplies.NoCluster(exchange, action.ClusterNotFoundResponseCode);
            return false;
        }

        exchange.Cluster = cluster;
        if (cluster.Config.UsesHash)
        {
            exchange.TakeHash();
        }

        exchange.TakeTimesOf(action);
        var stats = cluster.State.Stats;
        var page = exchange.Worker.Stats;
        page.Increment(stats.RequestsTotal);
        page.Add(stats.RequestsActive, 1);
        if (exchange.Downstream.IsRequestComplete)
        {
            exchange.MarkRequestEnd(action.Timeout);
        }
        else
        {
            exchange.MarkActivity();
        }

        return true;
    }

    private static void End(Exchange exchange)
    {
        var stats = exchange.Cluster!.State.Stats;
        var page = exchange.Worker.Stats;
        page.Add(stats.RequestsActive, -1);
        if (exchange.Status != 0)
        {
            stats.CountResponse(page, exchange.Status);
            page.Record(stats.RequestTimeMs, exchange.Worker.NowMs - exchange.StartMs);
        }
    }

    private static Endpoint? Pick(Exchange exchange)
    {
        var cluster = exchange.Cluster!;
        var endpoint = cluster.LoadBalancer.Pick(new PickRequest(exchange.Worker, cluster.State, exchange.Hash, exchange.HasHash, Attempt: 0));
        if (endpoint is null)
        {
            LocalReplies.NoHealthyUpstream(exchange);
            return null;
        }

        exchange.NoteEndpoint(endpoint);
        return endpoint;
    }

    /// <summary>Sends the head, and the body as far as it came with it.</summary>
    private static void BeginAttempt(Exchange exchange, UpstreamConnection upstream, EndpointPage page)
    {
        exchange.NoteUpstream(upstream);
        page.ActiveRequests++;
        page.TotalRequests++;
        upstream.BeginExchange();
        exchange.UpstreamStartMs = exchange.Worker.NowMs;
        if (exchange.Upgrade != UpgradeKind.ConnectHere)
        {
            RequestHeadWriter.Send(exchange, upstream.Connection);
            if (exchange.Downstream.IsRequestComplete)
            {
                exchange.UpstreamRequestEndMs = exchange.Worker.NowMs;
            }
        }
    }

    /// <summary>Settles what becomes of the connection. True where the request should be sent again, on another one.</summary>
    private static bool EndAttempt(Exchange exchange, UpstreamConnection upstream, EndpointPage page, RelayOutcome outcome, bool isKept)
    {
        exchange.NoteAttemptEnd(upstream);
        page.ActiveRequests--;
        if (outcome == RelayOutcome.Complete)
        {
            page.FailedRequests += exchange.Status >= 500 ? 1 : 0;
            if (exchange.Downstream.IsRequestComplete && !exchange.IsTunnel)
            {
                upstream.Release();
            }
            else
            {
                upstream.Close();
            }

            return false;
        }

        var nothingAnswered = upstream.Connection.BytesReceived == upstream.ReceivedBefore;
        upstream.Close();
        if (outcome == RelayOutcome.Disconnected && isKept && nothingAnswered && CanSendAgain(exchange))
        {
            return true;
        }

        page.FailedRequests++;
        Fail(exchange, upstream, outcome);
        return false;
    }

    private static string ClusterName(Exchange exchange)
    {
        var target = exchange.Target!;
        return target.Ordinal >= 0 ? target.Name : System.Text.Encoding.UTF8.GetString(target.NameFrom(exchange.Request));
    }

    private static UpstreamConnection? TakeKept(ConnectionPool pool, RequestHead request)
    {
        while (pool.TryTake() is { } kept)
        {
            // What must not run twice cannot be sent again, so it is worth a system call to see whether the connection is already dead.
            if (IsIdempotent(request.Method) || !kept.Connection.HasUnreadInput())
            {
                return kept;
            }

            kept.Close();
        }

        return null;
    }

    private static async LoopTask<UpstreamConnection?> ConnectAsync(Exchange exchange, ConnectionPool pool)
    {
        var upstream = pool.Open();
        if (upstream is null)
        {
            LocalReplies.ConnectFailure(exchange);
            return null;
        }

        exchange.Upstream = upstream;
        var result = await upstream.ConnectAsync();
        exchange.Upstream = null;
        if (exchange.Abort == AbortReason.None && result == ConnectResult.Connected)
        {
            return upstream;
        }

        upstream.Close();
        if (exchange.Abort != AbortReason.None)
        {
            LocalReplies.Aborted(exchange);
        }
        else if (result == ConnectResult.TimedOut)
        {
            LocalReplies.ConnectTimeout(exchange);
        }
        else
        {
            exchange.UpstreamConnectError = upstream.Connection.Error;
            LocalReplies.ConnectFailure(exchange);
        }

        return null;
    }

    /// <summary>An exchange whose request goes on while the response may already come down.</summary>
    private static async LoopTask<RelayOutcome> ExchangeAsync(Exchange exchange, UpstreamConnection upstream)
    {
        if (exchange.Upgrade == UpgradeKind.ConnectHere)
        {
            exchange.Downstream.SendConnected(exchange);
            return await Tunnel.RunAsync(exchange, upstream);
        }

        var pump = RequestBodyPump.RunAsync(exchange, upstream.Connection, exchange.Route!.Forward!.Source.Timeout);

        // What ends the exchange before anything waits for the response wakes nobody.
        var outcome = exchange.Abort == AbortReason.None ? await ResponseRelay.RunAsync(exchange, upstream) : RelayOutcome.Aborted;
        exchange.StopRequestBody = true;
        if (!pump.IsCompleted)
        {
            upstream.Connection.Interrupt();
            exchange.Downstream.Connection.Interrupt();
        }

        await pump;
        return outcome;
    }

    private static bool CanSendAgain(Exchange exchange) =>
        exchange.Downstream.IsRequestBuffered && exchange.Abort == AbortReason.None && IsIdempotent(exchange.Request.Method);

    // RFC 9110 §9.2.2: these have the same effect however often they are sent.
    private static bool IsIdempotent(ReadOnlySpan<byte> method) =>
        method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("PUT"u8)
        || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("OPTIONS"u8) || method.SequenceEqual("TRACE"u8);

    private static void Fail(Exchange exchange, UpstreamConnection upstream, RelayOutcome outcome)
    {
        var stats = exchange.Cluster!.State.Stats;
        var page = exchange.Worker.Stats;
        switch (outcome)
        {
            case RelayOutcome.Aborted:
                page.Increment(exchange.Abort == AbortReason.RouteTimeout ? stats.RequestTimeout
                    : exchange.Abort == AbortReason.ClientGone ? stats.RequestCancelled : stats.RequestLocalReset);
                page.Increment(stats.DestroyLocalWithActive);
                LocalReplies.Aborted(exchange);
                break;
            case RelayOutcome.Malformed:
                page.Increment(stats.ProtocolError);
                exchange.Flags |= ResponseFlags.UpstreamProtocolError;
                LocalReplies.UpstreamFailure(exchange, upstream.ProtocolError);
                break;
            default:
                page.Increment(stats.RequestRemoteReset);
                page.Increment(stats.DestroyRemoteWithActive);
                exchange.Flags |= ResponseFlags.UpstreamConnectionTermination;
                LocalReplies.UpstreamTermination(exchange);
                break;
        }
    }
}
