using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What is noted on the way for the log: when things happened, how many bytes moved, and the heads as they were sent.</summary>
internal sealed partial class Exchange
{
    private static readonly byte[] ViaUpstream = "via_upstream"u8.ToArray();

    private readonly KeptHead<RequestHead> _sentRequest = new(new RequestHead());
    private readonly KeptHead<ResponseHead> _sentResponse = new(new ResponseHead());
    private Attempt[] _attempts = new Attempt[2];
    private int _attemptCount;
    private long _attemptStartMs;
    private long _sentToClientBefore;
    private long _sentUpstreamBefore;
    private long _receivedUpstreamBefore;
    private SocketEndpoint? _connectedTo;
    private ReadOnlyMemory<byte> _localReplyBody;

    /// <summary>The request's headers as a log shows them: as they went upstream, or as they came where they did not go.</summary>
    public RequestHead LoggedRequest => _sentRequest.IsKept ? _sentRequest.Head : Request;

    // Milliseconds on the worker's clock; 0 means not yet.
    public long UpstreamRequestEndMs { get; set; }

    public long UpstreamResponseBeginMs { get; set; }

    /// <summary>Bytes that the request's body took with its framing.</summary>
    public long RequestBodyWireBytes { get; set; }

    /// <summary>Bytes of heads that went to the client.</summary>
    public long ResponseHeadBytes { get; set; }

    /// <summary>Bytes of heads that came from the endpoint.</summary>
    public long UpstreamHeadBytes { get; set; }

    /// <summary>errno of the connect that failed; 0 where none did.</summary>
    public int UpstreamConnectError { get; set; }

    private long UpstreamRequestHeadBytes { get; set; }

    private long UpstreamBodyBeginMs { get; set; }

    private long UpstreamResponseEndMs { get; set; }

    private long ResponseBeginMs { get; set; }

    private long ResponseEndMs { get; set; }

    private long ConnectBeganMs { get; set; }

    private long ConnectedMs { get; set; }

    private long? PoolReadyMs { get; set; }

    private long UpstreamWireSent { get; set; }

    private long UpstreamWireReceived { get; set; }

    private bool WasUpstreamReset { get; set; }

    private ReadOnlyMemory<byte> UpstreamLocalText { get; set; }

    /// <summary>Endpoints that were chosen so far, one a try.</summary>
    public int TryCount => _attemptCount;

    /// <summary>True where the request was meant for this endpoint before.</summary>
    public bool HasTried(Endpoint endpoint)
    {
        for (var i = 0; i < _attemptCount; i++)
        {
            if (_attempts[i].Endpoint.State == endpoint.State)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The priority of an endpoint that was chosen, by its place among them.</summary>
    public int TriedPriority(int index) => _attempts[index].Endpoint.Config.Priority;

    /// <summary>An endpoint was chosen: an attempt begins.</summary>
    public void NoteEndpoint(Endpoint endpoint)
    {
        Endpoint = endpoint;
        if (_attemptCount == _attempts.Length)
        {
            Array.Resize(ref _attempts, _attempts.Length * 2);
        }

        _attempts[_attemptCount++] = new Attempt(endpoint, 0);
        _attemptStartMs = Worker.NowMs;
        _connectedTo = null;
        WasUpstreamReset = false;
        PoolReadyMs = null;
        UpstreamLocalText = default;
        ConnectBeganMs = ConnectedMs = UpstreamStartMs = UpstreamRequestEndMs = UpstreamResponseBeginMs = 0;
        UpstreamRequestHeadBytes = UpstreamHeadBytes = UpstreamWireSent = UpstreamWireReceived = 0;
    }

    /// <summary>A connection to the endpoint is ready: the request goes out.</summary>
    public void NoteUpstream(UpstreamConnection upstream)
    {
        Upstream = upstream;
        Attempts++;
        _attempts[_attemptCount - 1] = new Attempt(Endpoint!, upstream.Id);
        _connectedTo = upstream.Address;
        PoolReadyMs = Worker.NowMs - _attemptStartMs;
        ConnectBeganMs = upstream.ConnectBeganMs;
        ConnectedMs = upstream.ConnectedMs;
        _sentUpstreamBefore = upstream.Connection.BytesSent + upstream.Connection.PendingOutput;
        _receivedUpstreamBefore = upstream.Connection.BytesReceived;
        if ((Needs & AccessLogNeeds.UpstreamLocalAddress) == AccessLogNeeds.UpstreamLocalAddress)
        {
            UpstreamLocalText = upstream.Connection.LocalAddress?.Text ?? default;
        }
    }

    /// <summary>The request's head as it goes upstream.</summary>
    public void NoteRequestHead(ReadOnlySpan<byte> sent)
    {
        UpstreamRequestHeadBytes = sent.Length;
        if ((Needs & AccessLogNeeds.RequestHead) == AccessLogNeeds.RequestHead)
        {
            _sentRequest.Keep(sent);
        }
    }

    /// <summary>The attempt on this connection has ended, one way or the other.</summary>
    public void NoteAttemptEnd(UpstreamConnection upstream)
    {
        Upstream = null;
        UpstreamWireSent = upstream.Connection.BytesSent + upstream.Connection.PendingOutput - _sentUpstreamBefore;
        UpstreamWireReceived = upstream.Connection.BytesReceived - _receivedUpstreamBefore;
        WasUpstreamReset = upstream.Connection.IsReset;
    }

    /// <summary>An upstream's head as it goes to the client.</summary>
    public void NoteResponseHead(ReadOnlySpan<byte> sent)
    {
        Details = ViaUpstream;
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
        _localReplyBody = reply.Body;
    }

    private void NoteResponseBegin(ReadOnlySpan<byte> sent)
    {
        ResponseBeginMs = Worker.NowMs;
        ResponseHeadBytes += sent.Length;
        if ((_state!.LogNeeds & AccessLogNeeds.ResponseHead) == AccessLogNeeds.ResponseHead)
        {
            _sentResponse.Keep(sent);
        }
    }

    private void ResetNotes()
    {
        Array.Clear(_attempts, 0, _attemptCount);
        _attemptCount = 0;
        _connectedTo = null;
        WasUpstreamReset = false;
        _localReplyBody = default;
        _sentRequest.Reset();
        _sentResponse.Reset();
        PoolReadyMs = null;
        UpstreamLocalText = default;
        UpstreamConnectError = 0;
        ConnectBeganMs = ConnectedMs = UpstreamRequestEndMs = UpstreamResponseBeginMs = 0;
        UpstreamBodyBeginMs = UpstreamResponseEndMs = ResponseBeginMs = ResponseEndMs = 0;
        RequestBodyWireBytes = ResponseHeadBytes = UpstreamHeadBytes = UpstreamRequestHeadBytes = UpstreamWireSent = UpstreamWireReceived = 0;
    }

    private readonly record struct Attempt(Endpoint Endpoint, long ConnectionId);
}
