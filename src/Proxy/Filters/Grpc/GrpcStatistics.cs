using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Grpc;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Upstream.Grpc;

namespace KubeProxyNet.Proxy.Filters.Grpc;

/// <summary>Counts calls of gRPC in the statistics of their clusters (Envoy documentation, "gRPC Statistics").</summary>
internal static class GrpcStatistics
{
    /// <summary>The request has come to the filter: finds out whether and where it is counted.</summary>
    public static void Begin(Exchange exchange, GrpcStatsConfig filter)
    {
        if (exchange.Target is null || !exchange.IsGrpc || !Router.TryGetCluster(exchange, out var cluster)
            || Find(cluster.State.Stats.Grpc, filter, exchange.Request.Path) is not { } stats)
        {
            return;
        }

        var call = exchange.BeginCall();
        call.Stats = stats;
        call.MeasuresUpstream = filter.MeasuresUpstream;
        if (exchange.Replay is not { } kept)
        {
            TakeRequest(exchange, call, exchange.FirstBody);
            return;
        }

        for (var i = 0; i < kept.PieceCount; i++)
        {
            TakeRequest(exchange, call, kept.Piece(i));
        }
    }

    /// <summary>Payload of the request.</summary>
    public static void TakeRequest(Exchange exchange, GrpcCall call, ReadOnlySpan<byte> payload)
    {
        if (call.Stats is { } stats && call.InspectRequest(payload) is not 0 and var messages)
        {
            stats.CountRequests(exchange.Worker.Stats, messages);
        }
    }

    /// <summary>The final head of the response, which goes to the client.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="call">The call.</param>
    /// <param name="head">The head.</param>
    /// <param name="end">True where it is all of the response.</param>
    public static void TakeHead(Exchange exchange, GrpcCall call, ResponseHead head, bool end)
    {
        call.HasMessages = !end && IsGrpc(head);
        TakeStatus(exchange, call, head);
        if (end)
        {
            End(exchange, call);
        }
    }

    /// <summary>Payload of the response.</summary>
    public static void TakeResponse(Exchange exchange, GrpcCall call, ReadOnlySpan<byte> payload)
    {
        if (call.HasMessages && call.Stats is { } stats && call.InspectResponse(payload) is not 0 and var messages)
        {
            stats.CountResponses(exchange.Worker.Stats, messages);
        }
    }

    /// <summary>The trailers, which end the response.</summary>
    public static void TakeTrailers(Exchange exchange, GrpcCall call, TrailerHead trailers)
    {
        TakeStatus(exchange, call, trailers);
        End(exchange, call);
    }

    /// <summary>An answer of our own.</summary>
    public static void TakeLocalReply(Exchange exchange, GrpcCall call, GrpcCode code) => call.Stats?.CountStatus(exchange.Worker.Stats, code);

    /// <summary>True for a head behind which messages of gRPC come.</summary>
    public static bool IsGrpc(ResponseHead head) =>
        head.Status == 200 && head.TryGet(KnownHeader.ContentType, out var type) && GrpcContentType.IsGrpc(type);

    private static void TakeStatus(Exchange exchange, GrpcCall call, MessageHead head)
    {
        if (GrpcStatusHeader.TryGet(head, out var code))
        {
            call.Stats?.CountStatus(exchange.Worker.Stats, code);
            call.Web?.Stats?.CountStatus(exchange.Worker.Stats, code);
        }
    }

    private static void End(Exchange exchange, GrpcCall call)
    {
        if (call.MeasuresUpstream && exchange.Attempt.RequestEndMs != 0)
        {
            call.Stats?.RecordTime(exchange.Worker.Stats, exchange.Worker.NowMs - exchange.Attempt.RequestEndMs);
        }
    }

    private static GrpcMethodStats? Find(GrpcClusterStats cluster, GrpcStatsConfig filter, ReadOnlySpan<byte> path)
    {
        if (filter.CountsAllMethods)
        {
            return (filter.ReplacesDots ? cluster.CallsWithoutDots : cluster.Calls).Find(path);
        }

        return !GrpcMethodTable.TrySplit(path, out _, out _) ? null
            : filter.Lists(path) ? cluster.Calls.Find(path)
            : cluster.Calls.All;
    }
}
