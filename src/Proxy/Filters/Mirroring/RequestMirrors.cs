using System.Text;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Mirroring;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters.Mirroring;

/// <summary>
/// Sends copies of requests to other clusters and drops the answers (Envoy's <c>request_mirror_policies</c>, "shadowing"). A copy is an exchange of its own that goes through
/// <see cref="Router"/>, so that limits, timeouts and statistics of its cluster hold; it starts when the request is complete and never touches it.
/// </summary>
internal static class RequestMirrors
{
    /// <summary>An endpoint was chosen: decides whether the request is mirrored, and begins to copy it.</summary>
    public static void Begin(Exchange exchange, CompiledMirror[] mirrors)
    {
        if (exchange.Upgrade != UpgradeKind.None)
        {
            return;
        }

        foreach (var mirror in mirrors)
        {
            if (mirror.Applies(exchange.Snapshot.RuntimeValues, exchange.Worker.Random.Next()) && TryCopyHead(exchange))
            {
                exchange.Mirrored!.Add(mirror);
            }
        }

        if (exchange.Mirrored is not null && exchange.Downstream.IsRequestComplete)
        {
            exchange.MirrorWholeBody();
            Send(exchange);
        }
    }

    /// <summary>The request is complete: sends the copies on their way.</summary>
    public static void Send(Exchange exchange)
    {
        if (exchange.Mirrored is not { } mirrored)
        {
            return;
        }

        exchange.Mirrored = null;
        foreach (var mirror in mirrored.Mirrors)
        {
            Start(exchange, mirrored, mirror);
        }

        mirrored.Release();
    }

    private static bool TryCopyHead(Exchange exchange)
    {
        if (exchange.Mirrored is not null)
        {
            return true;
        }

        var head = RequestHeadWriter.Compose(exchange).Written;
        if (head.Length > BlockPool.Large)
        {
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.RetryOrShadowAbandoned);
            return false;
        }

        exchange.Mirrored = new MirroredRequest(exchange.Worker.Blocks, head);
        exchange.Mirrored.Body.Limit = Math.Min(ReplayBuffer.MaxBytes, exchange.Route!.Forward!.RequestBodyBufferLimit);
        return true;
    }

    private static void Start(Exchange original, MirroredRequest mirrored, CompiledMirror mirror)
    {
        var exchange = original.Runtime.RentExchange();
        if (MirrorStream.TryOpen(mirrored, exchange) is not { } stream)
        {
            exchange.Runtime.Return(exchange);
            return;
        }

        if (exchange.TryBeginMirror(stream, original, mirrored, mirror) && HasCluster(exchange))
        {
            RunAsync(exchange, stream).Detach();
        }
        else
        {
            End(exchange, stream);
        }
    }

    /// <summary>A cluster that does not exist, or that no header names, is passed over in silence, as in Envoy.</summary>
    private static bool HasCluster(Exchange exchange)
    {
        var target = exchange.Target!;
        var name = target.Ordinal >= 0 ? target.Name : Encoding.UTF8.GetString(target.NameFrom(exchange.Request));
        return exchange.Snapshot.Clusters.ContainsKey(name);
    }

    private static async LoopTask RunAsync(Exchange exchange, MirrorStream stream)
    {
        // The request itself goes first.
        await exchange.Worker.NextTurn();
        try
        {
            await Router.ForwardAsync(exchange);
        }
        finally
        {
            End(exchange, stream);
        }
    }

    private static void End(Exchange exchange, MirrorStream stream)
    {
        stream.Close();
        exchange.Runtime.Return(exchange);
    }
}
