using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing.Headers;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The route's header changes whose values depend on this exchange.</summary>
internal sealed partial class Exchange
{
    // Set only while changes are played: what operators show of that side is then the message as it is at that point.
    private HeaderEvaluation? _playedRequest;
    private HeaderEvaluation? _playedResponse;

    /// <summary>What the logs and the route's header values read of the exchange.</summary>
    private AccessLogNeeds Needs => _state!.LogNeeds | (Target?.Needs ?? AccessLogNeeds.None);

    /// <summary>Plays the changes to the request; the result is valid until the worker plays others.</summary>
    public HeaderEvaluation EvaluateRequest(HeaderMutations mutations)
    {
        var evaluation = Runtime.Headers;
        _playedRequest = evaluation;
        evaluation.Run(mutations, Request, added: default, this);
        _playedRequest = null;
        return evaluation;
    }

    /// <inheritdoc cref="AppliedMutations.ToResponse"/>
    public HeaderEvaluation EvaluateResponse(HeaderMutations mutations, ResponseHead? head, HeaderMask added)
    {
        var evaluation = Runtime.Headers;
        _playedResponse = evaluation;
        evaluation.Run(mutations, head, added, this);
        _playedResponse = null;
        return evaluation;
    }
}
