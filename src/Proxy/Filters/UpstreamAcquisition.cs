using System.Text;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Gets a request a connection to its endpoint: a kept one, a new one, or at the circuit breaker's limit the first that becomes free.</summary>
internal static class UpstreamAcquisition
{
    /// <summary>A kept connection; null where there is none.</summary>
    public static UpstreamStream? TakeKept(ConnectionPool pool, Exchange exchange)
    {
        var isNamed = RequestedServerName.IsAsked(pool.Endpoint);
        if (MaySpeakHttp2(exchange, pool))
        {
            if (pool.TryOpenStream(isNamed ? RequestedServerName.Of(exchange) : default, isNamed) is { } stream)
            {
                return stream;
            }

            if (exchange.Cluster!.Config.Protocol != UpstreamProtocol.Auto)
            {
                return null;
            }
        }

        while ((isNamed ? pool.TryTake(RequestedServerName.Of(exchange)) : pool.TryTake()) is { } kept)
        {
            // What must not run twice cannot be sent again, so it is worth a system call to see whether the connection is already dead.
            if (IsIdempotent(exchange.Request.Method) || kept.IsMultiplexed || !kept.Carrier.Connection.HasUnreadInput())
            {
                return kept;
            }

            kept.Close();
        }

        return null;
    }

    /// <summary>Waits for a connection. Null where there is none; <see cref="UpstreamAttempt.Failure"/> says why.</summary>
    public static async LoopTask<UpstreamStream?> WaitAsync(UpstreamAttempt attempt, ConnectionPool pool)
    {
        var exchange = attempt.Exchange;
        var worker = exchange.Worker;
        var breaker = exchange.Breaker;
        var stats = exchange.Cluster!.State.Stats;
        if (!breaker.Pending.TryTake(worker.Index))
        {
            worker.Stats.Increment(stats.PendingOverflow);
            attempt.Failure = UpstreamFailure.Overflow;
            return null;
        }

        worker.Stats.Increment(stats.PendingTotal);
        worker.Stats.Add(stats.PendingActive, 1);
        var upstream = await ConnectOrWaitAsync(attempt, pool);
        worker.Stats.Add(stats.PendingActive, -1);
        breaker.Pending.Return(worker.Index);
        return upstream;
    }

    // RFC 9110 §9.2.2: these have the same effect however often they are sent.
    public static bool IsIdempotent(ReadOnlySpan<byte> method) =>
        method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("PUT"u8)
        || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("OPTIONS"u8) || method.SequenceEqual("TRACE"u8);

    private static async LoopTask<UpstreamStream?> ConnectOrWaitAsync(UpstreamAttempt attempt, ConnectionPool pool)
    {
        var exchange = attempt.Exchange;
        var name = RequestedServerName.IsAsked(pool.Endpoint) ? Encoding.UTF8.GetString(RequestedServerName.Of(exchange)).ToLowerInvariant() : null;
        for (var isAgain = false; ; isAgain = true)
        {
            var wantsHttp2 = MaySpeakHttp2(exchange, pool);
            if (wantsHttp2)
            {
                if (pool.TryOpenStream(name is null ? default : Encoding.UTF8.GetBytes(name), name is not null, attempt.RefusedBy) is { } opened)
                {
                    return opened;
                }
            }
            else if (MayOpen(exchange, pool, name, forHttp2: false))
            {
                return await ConnectAsync(attempt, pool, name);
            }
            else
            {
                CountOverflow(exchange, isAgain);
            }

            var pending = attempt.Pending;
            pending.WantsHttp2 = wantsHttp2;
            pending.RequestedName = name;
            pool.Enqueue(pending, isFirst: isAgain);
            if (wantsHttp2)
            {
                OpenShared(exchange, pool, pending, isAgain);
            }

            await pending.Over;
            if (attempt.HasEnded)
            {
                pool.Forget(pending);
                return null;
            }

            if (pending.Stream is { } stream)
            {
                pending.Stream = null;
                return stream;
            }

            if (pending.Result is { } result)
            {
                attempt.Failure = result == ConnectResult.TimedOut ? UpstreamFailure.ConnectTimeout : UpstreamFailure.ConnectFailure;
                if (attempt.Failure == UpstreamFailure.ConnectFailure)
                {
                    attempt.ConnectError = pending.ConnectError;
                    attempt.TransportFailure = pending.TransportFailure;
                }

                return null;
            }
        }
    }

    /// <summary>Begins to open as many connections as who waits needs and the limit allows.</summary>
    private static void OpenShared(Exchange exchange, ConnectionPool pool, PendingRequest pending, bool isAgain)
    {
        var alpn = UpstreamAlpn.Of(exchange.Cluster!.Config.Protocol, clientSpeaksHttp2: true);
        while (pool.NeedsShared && pending.IsQueued)
        {
            if (!MayOpen(exchange, pool, pending.RequestedName, forHttp2: true))
            {
                CountOverflow(exchange, isAgain);
                return;
            }

            if (!pool.TryOpenShared(exchange.Breaker, pending.RequestedName, alpn))
            {
                pool.Forget(pending);
                pending.Result = ConnectResult.Failed;
                pending.Over.Set();
                return;
            }
        }
    }

    /// <summary>A request that waits at the limit is counted once.</summary>
    private static void CountOverflow(Exchange exchange, bool isAgain)
    {
        if (!isAgain)
        {
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.ConnectionOverflow);
        }
    }

    /// <summary>As <see cref="MayOpen(Exchange, ConnectionPool, bool)"/>. At the limit, unused connections of other names only stand in the way, and make room.</summary>
    private static bool MayOpen(Exchange exchange, ConnectionPool pool, string? name, bool forHttp2)
    {
        var may = MayOpen(exchange, pool, forHttp2);
        while (!may && name is not null && pool.CloseOneIdle())
        {
            may = MayOpen(exchange, pool, forHttp2);
        }

        return may;
    }

    /// <summary>Takes the right to a new connection. An endpoint without any of that version gets its first whatever the limit says, as in Envoy, which has a pool for each.</summary>
    private static bool MayOpen(Exchange exchange, ConnectionPool pool, bool forHttp2)
    {
        var connections = exchange.Breaker.Connections;
        var ofHost = pool.Endpoint.Connections;
        if (ofHost?.TryTake(exchange.Breaker.Thresholds.MaxConnectionsPerHost) != false)
        {
            if (connections.TryTake(exchange.Worker.Index))
            {
                return true;
            }

            ofHost?.Return();
        }

        if (pool.HasAny(forHttp2))
        {
            return false;
        }

        ofHost?.Take();
        connections.Take(exchange.Worker.Index);
        return true;
    }

    /// <summary>True where a stream of HTTP/2 serves the request: always, or as the client does, or as the endpoint says.</summary>
    private static bool MaySpeakHttp2(Exchange exchange, ConnectionPool pool) => exchange.Cluster!.Config.Protocol switch
    {
        UpstreamProtocol.Http1 => false,
        UpstreamProtocol.Http2 => true,
        UpstreamProtocol.Downstream => exchange.Downstream.IsHttp2,
        _ => !pool.SpeaksHttp1,
    } && exchange.Upgrade != UpgradeKind.ConnectHere;

    private static async LoopTask<UpstreamStream?> ConnectAsync(UpstreamAttempt attempt, ConnectionPool pool, string? name)
    {
        var isRaw = attempt.Exchange.Upgrade == UpgradeKind.ConnectHere;
        var upstream = pool.Open(attempt.Exchange.Breaker, name);
        if (upstream is null)
        {
            attempt.Failure = UpstreamFailure.ConnectFailure;
            return null;
        }

        upstream.AlpnFallback = isRaw ? null : UpstreamAlpn.Of(upstream.Endpoint.Cluster.Config.Protocol, clientSpeaksHttp2: false);
        attempt.Upstream = upstream;
        var result = await upstream.ConnectAsync();
        attempt.Upstream = null;
        if (!attempt.HasEnded && result == ConnectResult.Connected)
        {
            // An endpoint that spoke HTTP/1.1 when it was last asked may speak HTTP/2 by now.
            upstream.BeginExchanges(isRaw);
            return upstream.Shared is null ? upstream : upstream.OpenStream();
        }

        upstream.Close();
        if (attempt.HasEnded)
        {
            return null;
        }

        attempt.Failure = result == ConnectResult.TimedOut ? UpstreamFailure.ConnectTimeout : UpstreamFailure.ConnectFailure;
        if (attempt.Failure == UpstreamFailure.ConnectFailure)
        {
            attempt.ConnectError = upstream.Connection.Error;
            attempt.TransportFailure = upstream.TransportFailure;
        }

        return null;
    }
}
