using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Redirects of upstreams that are followed here: the exchange starts again with another request.</summary>
internal sealed partial class Exchange
{
    private static readonly byte[] InternalRedirectDetails = "internal_redirect"u8.ToArray();

    private List<(CompiledRoute From, CompiledRoute To)>? _redirects;
    private Block? _redirectedHead;
    private RouteMatchResult _redirectedMatch;

    /// <summary>True where the exchange has ended with a redirect that is followed: it is to start again.</summary>
    public bool IsRedirected { get; private set; }

    /// <summary>Redirects followed so far.</summary>
    public int RedirectCount => _redirects?.Count ?? 0;

    /// <summary>True where the whole request is here and can be sent again.</summary>
    public bool CanReplayRequest => Downstream.IsRequestComplete && (Downstream.IsRequestBuffered || Replay is not null);

    /// <summary>True where a redirect from one route to the other was followed before.</summary>
    public bool HasRedirected(CompiledRoute from, CompiledRoute to) => _redirects?.Contains((from, to)) ?? false;

    /// <summary>Gives another request the form that this one was given when it was admitted.</summary>
    public PathVerdict NormalizeLike(RequestHead request)
    {
        var verdict = _state!.Paths?.Normalize(request) ?? PathVerdict.Accepted;
        _state.Hosts?.Normalize(request, LocalAddress.Port);
        return verdict;
    }

    /// <summary>Reads a head that the proxy composed itself. False where it is none.</summary>
    public bool TryReadHead(byte[] bytes, int length)
    {
        Parser.MaxHeadBytes = bytes.Length;
        Parser.MaxFields = int.MaxValue;
        Parser.Underscores = HeadersWithUnderscoresAction.Allow;
        Parser.Begin(0);
        return Parser.Parse(bytes, length) == ParseStatus.Done;
    }

    /// <summary>Forgets the request's body: what comes next is sent without one.</summary>
    public void DropRequestBody()
    {
        Downstream.DropRequestBody();
        Replay?.Clear();
        Replay = null;
    }

    /// <summary>Takes over the request of a spare exchange, which gets this one's.</summary>
    /// <param name="next">The exchange that has read the new request.</param>
    /// <param name="head">The storage of the new request; this exchange's from here on.</param>
    /// <param name="status">Status of the redirect.</param>
    /// <param name="match">The route of the new request.</param>
    public void TakeRedirect(Exchange next, Block head, int status, in RouteMatchResult match)
    {
        (Request, next.Request) = (next.Request, Request);
        (Parser, next.Parser) = (next.Parser, Parser);
        if (_redirectedHead is not null)
        {
            Worker.Blocks.Return(_redirectedHead);
        }

        _redirectedHead = head;
        _redirectedMatch = match;
        (_redirects ??= []).Add((Route!, match.Route));
        IsRedirected = true;
        Status = status;
        Details = InternalRedirectDetails;
    }

    /// <summary>The exchange starts again; what it has done so far was logged.</summary>
    /// <returns>The route of the new request.</returns>
    public RouteMatchResult BeginRedirected()
    {
        IsRedirected = false;
        Target = null;
        VirtualCluster = null;
        Cluster = null;
        Flags = ResponseFlags.None;
        Status = Attempts = 0;
        Details = default;
        StopRequestBody = _isBuffering = false;
        ResponseBuffering = default;
        BytesSent = 0;
        StartMs = RequestEndMs = Worker.NowMs;
        StartWallTicks = Worker.WallClockTicks;
        _streamIdleMs = _state!.StreamIdleMs;
        _maxDurationMs = _state.MaxStreamDurationMs;
        Retry?.End();
        Retry = null;
        ResetTimes();
        ResetHash();
        ResetSession();
        ResetHedging();
        ResetNotes();
        return _redirectedMatch;
    }

    private void ResetRedirects()
    {
        IsRedirected = false;
        _redirects?.Clear();
        _redirectedMatch = default;
        if (_redirectedHead is not null)
        {
            Worker.Blocks.Return(_redirectedHead);
            _redirectedHead = null;
        }
    }
}
