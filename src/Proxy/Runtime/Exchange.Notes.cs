using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What is noted on the way for the log: when things happened, how many bytes moved, and the heads as they were sent.</summary>
internal sealed partial class Exchange
{
    private static readonly byte[] ViaUpstream = "via_upstream"u8.ToArray();

    private readonly KeptHead<RequestHead> _sentRequest = new(new RequestHead());
    private readonly KeptHead<ResponseHead> _sentResponse = new(new ResponseHead());
    private AttemptedHost _firstAttempted;
    private AttemptedHost[] _laterAttempted = [];
    private int _attemptCount;
    private bool _hasKeptHeads;
    private long _sentToClientBefore;
    private ReadOnlyMemory<byte> _localReplyBody;

    /// <summary>The request's headers as a log shows them: as they went upstream, or as they came where they did not go.</summary>
    public RequestHead LoggedRequest => _sentRequest.IsKept ? _sentRequest.Head : Request;

    /// <summary>Bytes that the request's body took with its framing.</summary>
    public long RequestBodyWireBytes { get; set; }

    /// <summary>Bytes of heads that went to the client.</summary>
    public long ResponseHeadBytes { get; set; }

    private long UpstreamBodyBeginMs { get; set; }

    private long UpstreamResponseEndMs { get; set; }

    private long ResponseBeginMs { get; set; }

    private long ResponseEndMs { get; set; }

    /// <summary>Endpoints that were chosen so far, one a try.</summary>
    public int TryCount => _attemptCount;

    /// <summary>True where the request was meant for this endpoint before.</summary>
    public bool HasTried(Endpoint endpoint)
    {
        for (var i = 0; i < _attemptCount; i++)
        {
            if (Attempted(i).Endpoint.State == endpoint.State)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The priority of an endpoint that was chosen, by its place among them.</summary>
    public int TriedPriority(int index) => Attempted(index).Endpoint.Config.Priority;

    /// <summary>An endpoint was chosen for an attempt, which logs show from here on.</summary>
    public void NoteEndpoint(UpstreamAttempt attempt, Endpoint endpoint)
    {
        if (_attemptCount > _laterAttempted.Length)
        {
            Array.Resize(ref _laterAttempted, Math.Max(2, _laterAttempted.Length * 2));
        }

        attempt.Begin(endpoint, _attemptCount);
        Attempted(_attemptCount++) = new AttemptedHost(endpoint, 0);
        Attempt = attempt;
    }

    /// <summary>An attempt sends the request, and logs show it.</summary>
    public void NoteRequest(UpstreamAttempt attempt, UpstreamStream upstream)
    {
        Attempts++;
        Attempt = attempt;
        attempt.BeginRequest(upstream, Needs);
    }

    /// <summary>The connection of an attempt, by its place among them.</summary>
    public void NoteConnection(int place, long connectionId)
    {
        ref var attempted = ref Attempted(place);
        attempted = attempted with { ConnectionId = connectionId };
    }

    /// <summary>The request's head as it goes upstream.</summary>
    public void NoteRequestHead(ReadOnlySpan<byte> sent)
    {
        Attempt.RequestHeadBytes = sent.Length;
        if ((Needs & AccessLogNeeds.RequestHead) == AccessLogNeeds.RequestHead)
        {
            _hasKeptHeads = true;
            _sentRequest.Keep(sent);
        }
    }

    /// <summary>An upstream's head as it goes to the client.</summary>
    public void NoteResponseHead(ReadOnlySpan<byte> sent)
    {
        Details = ViaUpstream;
        if (HasSessionHost)
        {
            CountSession(isAnswered: true);
        }
        NoteResponseBegin(sent);
    }

    /// <summary>Payload of the upstream goes to the client.</summary>
    public void NoteResponsePayload(int length, bool end)
    {
        BytesSent += length;
        if (length > 0 && UpstreamBodyBeginMs == 0)
        {
            UpstreamBodyBeginMs = Worker.NowMs;
        }

        if (end)
        {
            UpstreamResponseEndMs = ResponseEndMs = Worker.NowMs;
        }
    }

    /// <summary>An answer of our own goes to the client, in one piece.</summary>
    public void NoteLocalReply(in LocalReply reply, ReadOnlySpan<byte> sent)
    {
        NoteResponseBegin(sent[..(sent.IndexOf("\r\n\r\n"u8) + 4)]);
        ResponseEndMs = Worker.NowMs;
        _localReplyBody = reply.Body.IsEmpty ? reply.Message : reply.Body;
    }

    private void NoteResponseBegin(ReadOnlySpan<byte> sent)
    {
        ResponseBeginMs = Worker.NowMs;
        ResponseHeadBytes += sent.Length;
        if ((_state!.LogNeeds & AccessLogNeeds.ResponseHead) == AccessLogNeeds.ResponseHead)
        {
            _hasKeptHeads = true;
            _sentResponse.Keep(sent);
        }
    }

    /// <summary>The first has its place in the exchange: nearly all requests have no other.</summary>
    private ref AttemptedHost Attempted(int index) => ref index == 0 ? ref _firstAttempted : ref _laterAttempted[index - 1];

    private void ResetNotes()
    {
        if (_attemptCount > 1)
        {
            Array.Clear(_laterAttempted, 0, _attemptCount - 1);
        }

        _firstAttempted = default;
        _attemptCount = 0;
        _attempt.Reset();
        _localReplyBody = default;
        if (_hasKeptHeads)
        {
            _hasKeptHeads = false;
            _sentRequest.Reset();
            _sentResponse.Reset();
            _sentTrailers.Reset();
        }

        UpstreamBodyBeginMs = UpstreamResponseEndMs = ResponseBeginMs = ResponseEndMs = 0;
        RequestBodyWireBytes = ResponseHeadBytes = 0;
    }

    private readonly record struct AttemptedHost(Endpoint Endpoint, long ConnectionId);
}
