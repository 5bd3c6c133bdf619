using System.Collections.Frozen;
using System.Text;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Retries;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>The answers where no upstream gave one: codes, flags, details and bodies as Envoy's router has them.</summary>
internal static class UpstreamFailureReplies
{
    private static readonly byte[] Overloaded = "x-envoy-overloaded: true\r\n"u8.ToArray();
    private static readonly byte[] MaintenanceBody = "maintenance mode"u8.ToArray();
    private static readonly byte[] TimeoutBody = "upstream request timeout"u8.ToArray();

    /// <summary>The reset reasons in words, for a first attempt and for a later one.</summary>
    private static readonly FrozenDictionary<UpstreamFailure, (byte[] First, byte[] Later)> Bodies = new Dictionary<UpstreamFailure, (byte[], byte[])>
    {
        [UpstreamFailure.ConnectFailure] = Body("remote connection failure"),
        [UpstreamFailure.ConnectTimeout] = Body("connection timeout"),
        [UpstreamFailure.Overflow] = Body("overflow"),
        [UpstreamFailure.Reset] = Body("connection termination"),
        [UpstreamFailure.RemoteReset] = Body("remote reset"),
        [UpstreamFailure.RefusedStream] = Body("remote refused stream reset"),
        [UpstreamFailure.ProtocolError] = Body("protocol error"),
    }.ToFrozenDictionary();

    /// <summary>Answers for the last attempt, or cuts the response where one has begun.</summary>
    /// <param name="exchange">Whose attempt it was.</param>
    /// <param name="failure">How it failed.</param>
    /// <param name="protocolError">What the upstream did, where it broke its protocol.</param>
    public static void Answer(Exchange exchange, UpstreamFailure failure, string protocolError)
    {
        switch (failure)
        {
            case UpstreamFailure.ConnectFailure:
                exchange.Flags |= ResponseFlags.UpstreamConnectionFailure;
                SendReset(exchange, failure, "remote_connection_failure");
                break;
            case UpstreamFailure.ConnectTimeout:
                exchange.Flags |= ResponseFlags.UpstreamConnectionFailure;
                Send(exchange, failure, 503, "upstream_reset_before_response_started{connection_timeout}");
                break;
            case UpstreamFailure.Overflow:
                exchange.Flags |= ResponseFlags.UpstreamOverflow;
                LocalReplies.Send(
                    exchange, 503, "upstream_reset_before_response_started{overflow}", BodyOf(exchange, failure),
                    exchange.Http.SuppressEnvoyHeaders ? default : Overloaded);
                break;
            case UpstreamFailure.PerTryTimeout:
                exchange.Flags |= ResponseFlags.UpstreamRequestTimeout;
                LocalReplies.SendOrCut(exchange, 504, "upstream_per_try_timeout", TimeoutBody, code: GrpcCode.DeadlineExceeded);
                break;
            case UpstreamFailure.PerTryIdleTimeout:
                exchange.Flags |= ResponseFlags.UpstreamRequestTimeout;
                LocalReplies.SendOrCut(exchange, 504, "upstream_per_try_idle_timeout", TimeoutBody, code: GrpcCode.DeadlineExceeded);
                break;
            case UpstreamFailure.StreamDuration:
                LocalReplies.StreamDurationReached(exchange);
                break;
            case UpstreamFailure.ProtocolError:
                exchange.Flags |= ResponseFlags.UpstreamProtocolError;
                Send(exchange, failure, 502, protocolError);
                break;
            case UpstreamFailure.RemoteReset:
                exchange.Flags |= ResponseFlags.UpstreamRemoteReset;
                Send(exchange, failure, 503, ResetOf(exchange) + "{remote_reset}");
                break;
            case UpstreamFailure.RefusedStream:
                exchange.Flags |= ResponseFlags.UpstreamRemoteReset;
                Send(exchange, failure, 503, "upstream_reset_before_response_started{remote_refused_stream_reset}");
                break;
            case UpstreamFailure.Aborted:
                LocalReplies.Aborted(exchange);
                break;
            default:
                exchange.Flags |= ResponseFlags.UpstreamConnectionTermination;
                SendReset(exchange, UpstreamFailure.Reset, "connection_termination");
                break;
        }
    }

    /// <summary>The cluster is in maintenance mode.</summary>
    public static void Maintenance(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.RequestMaintenanceMode);
        exchange.Flags |= ResponseFlags.UpstreamOverflow;
        LocalReplies.Send(exchange, 503, "maintenance_mode", MaintenanceBody, exchange.Http.SuppressEnvoyHeaders ? default : Overloaded);
    }

    /// <summary>Where TLS is to blame, the answer says why, as Envoy's does.</summary>
    private static void SendReset(Exchange exchange, UpstreamFailure failure, string reason)
    {
        var transport = exchange.Attempt.TransportFailure;
        if (transport.Length == 0)
        {
            Send(exchange, failure, 503, $"{ResetOf(exchange)}{{{reason}}}");
            return;
        }

        LocalReplies.SendOrCut(
            exchange, 503, $"{ResetOf(exchange)}{{{reason}|{Encoding.ASCII.GetString(transport)}}}",
            (byte[])[.. BodyOf(exchange, failure), .. ", transport failure reason: "u8, .. transport]);
    }

    /// <summary>Envoy's word for a reset, which tells one inside a response, of which the client has the head, from one before it.</summary>
    private static string ResetOf(Exchange exchange) =>
        exchange.IsResponseStarted ? "upstream_reset_after_response_started" : "upstream_reset_before_response_started";

    private static void Send(Exchange exchange, UpstreamFailure failure, int status, string details) =>
        LocalReplies.SendOrCut(exchange, status, details, BodyOf(exchange, failure));

    private static byte[] BodyOf(Exchange exchange, UpstreamFailure failure) =>
        exchange.Retry is { HasRetried: true } ? Bodies[failure].Later : Bodies[failure].First;

    private static (byte[] First, byte[] Later) Body(string reason) =>
        (Encoding.ASCII.GetBytes($"upstream connect error or disconnect/reset before headers. reset reason: {reason}"),
        Encoding.ASCII.GetBytes($"upstream connect error or disconnect/reset before headers. retried and the latest reset reason: {reason}"));
}
