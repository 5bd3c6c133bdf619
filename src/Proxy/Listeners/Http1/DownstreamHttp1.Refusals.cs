using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>Answers to what is no request, or came too late to be one.</summary>
internal sealed partial class DownstreamHttp1
{
    /// <summary>Answers a head that was refused and ends the connection: where the next request begins is unknown.</summary>
    private void Refuse(Exchange exchange, Http1Error error)
    {
        var page = _runtime.Worker.Stats;
        page.Increment(_state.Stats.RequestsTotal);
        page.Increment(_state.Stats.ConnectionsProtocolError);
        if (error is Http1Error.HeadTooLarge or Http1Error.TooManyFields)
        {
            page.Increment(_state.Stats.RequestsTooLarge);
        }
        else if (error == Http1Error.UnderscoreInFieldName)
        {
            page.Increment(_state.Stats.RequestsRejectedWithUnderscores);
        }

        exchange.Flags |= ResponseFlags.DownstreamProtocolError;
        AnswerAndEnd(exchange, RequestErrors.Status(error), RequestErrors.Details(error));
    }

    private void RefuseLateHead(Exchange exchange)
    {
        var page = _runtime.Worker.Stats;
        page.Increment(_state.Stats.RequestsTotal);
        var waited = _runtime.Worker.NowMs - exchange.StartMs;
        if (Passed(_state.RequestHeadersTimeoutMs))
        {
            page.Increment(_state.Stats.RequestsHeaderTimeout);
            AnswerAndEnd(exchange, 408, "request_header_timeout");
        }
        else if (Passed(_state.RequestTimeoutMs))
        {
            page.Increment(_state.Stats.RequestsTimeout);
            AnswerAndEnd(exchange, 408, "request_overall_timeout");
        }
        else if (Passed(_state.MaxStreamDurationMs))
        {
            page.Increment(_state.Stats.RequestsMaxDuration);
            exchange.Flags |= ResponseFlags.DurationTimeout;
            AnswerAndEnd(exchange, 408, "max_duration_timeout");
        }
        else
        {
            page.Increment(_state.Stats.RequestsIdleTimeout);
            exchange.Flags |= ResponseFlags.StreamIdleTimeout;
            AnswerAndEnd(exchange, 408, "stream_idle_timeout");
        }

        bool Passed(long limit) => limit > 0 && waited >= limit;
    }

    private void AnswerAndEnd(Exchange exchange, int status, string details)
    {
        CountRequest();
        _clientAskedToClose = false;
        _stream.BeginRefused(exchange);
        LocalReplies.Send(exchange, status, details, default);
        HttpConnectionManager.Complete(exchange, _state);
    }
}
