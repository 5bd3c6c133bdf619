using System.Globalization;
using System.Net;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What the access log reads of an exchange. Headers are shown as they travelled, as Envoy shows them.</summary>
internal sealed partial class Exchange : IAccessLogSource
{
    /// <summary>Longest host name in the log, in characters; RFC 1035 §2.3.4 allows 255 octets.</summary>
    private const int MaxHostName = 256;

    private readonly byte[] _status = new byte[3];
    private byte[] _hostName = [];
    private HttpConnectionManagerState? _state;

    /// <summary>Where the fields of the head that the upstream sent last end: the offset of its empty line.</summary>
    public int UpstreamFieldsEnd => Attempt.Upstream!.HeadEnd - 2;

    /// <summary>Where the fields of the response end: the offset of its empty line.</summary>
    public int ResponseFieldsEnd => UpstreamFieldsEnd;

    /// <summary>The Server header that goes to the client.</summary>
    public ReadOnlySpan<byte> ServerName => _state!.ServerName;

    /// <summary>What is added to Via; empty for nothing.</summary>
    public ReadOnlySpan<byte> Via => _state!.Via;

    /// <summary>Where the connection manager of this exchange counts.</summary>
    public HttpStats HttpStats => _state!.Stats;

    DateTimeOffset IAccessLogSource.StartTime => new(StartWallTicks, TimeSpan.Zero);

    DateTimeOffset IAccessLogSource.EmitTime => new(Worker.WallClockTicks, TimeSpan.Zero);

    ReadOnlySpan<byte> IAccessLogSource.Protocol => Downstream.IsHttp2 ? "HTTP/2"u8 : Request.MinorVersion == 0 ? "HTTP/1.0"u8 : "HTTP/1.1"u8;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamProtocol => Attempt.ConnectedTo is null ? default : Attempt.IsHttp2 ? "HTTP/2"u8 : "HTTP/1.1"u8;

    int IAccessLogSource.ResponseCode => Status;

    ReadOnlySpan<byte> IAccessLogSource.ResponseCodeDetails => Details.Span;

    ResponseFlags IAccessLogSource.ResponseFlags => Flags;

    ReadOnlySpan<byte> IAccessLogSource.LocalReplyBody => _localReplyBody.Span;

    long IAccessLogSource.DurationMs => Worker.NowMs - StartMs;

    long? IAccessLogSource.PoolReadyMs => Attempt.PoolReadyMs;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamHost =>
        Attempt.ConnectedTo is { } address ? address.Text.Span : Endpoint is null ? default : Endpoint.Config.Address.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamHostName => Endpoint is null ? default : HostNameOf(Endpoint);

    ReadOnlySpan<byte> IAccessLogSource.UpstreamRemoteAddress => Attempt.ConnectedTo is { } address ? address.Text.Span : default;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamCluster => Cluster is null ? default : Cluster.State.StatNameText;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamClusterRaw => Cluster is null ? default : Cluster.State.NameText;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamLocalAddress => Attempt.LocalText.Span;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamTransportFailureReason =>
        Attempt.TransportFailure.Length > 0 ? Attempt.TransportFailure : ConnectErrors.Text(Attempt.ConnectError);

    bool IAccessLogSource.IsUpstreamReset => Attempt.WasReset;

    long IAccessLogSource.UpstreamConnectionId => Attempt.ConnectionId;

    int IAccessLogSource.UpstreamRequestAttemptCount => Attempts;

    int IAccessLogSource.AttemptedHosts => _attemptCount;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamRemoteAddress => Client.Text;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamDirectRemoteAddress => RemoteAddress.Text.Span;

    // A listener on all addresses does not know on which of them this connection came.
    ReadOnlySpan<byte> IAccessLogSource.DownstreamLocalAddress =>
        (LocalAddress.Address.Equals(IPAddress.Any) || LocalAddress.Address.Equals(IPAddress.IPv6Any)
            ? Downstream.Connection.LocalAddress ?? LocalAddress
            : LocalAddress).Text.Span;

    bool IAccessLogSource.IsDownstreamReset => Downstream.Io.IsReset;

    ReadOnlySpan<byte> IAccessLogSource.RouteName => Route is null ? default : Route.NameText.Span;

    ReadOnlySpan<byte> IAccessLogSource.VirtualClusterName => VirtualCluster is null ? default : VirtualCluster.NameText;

    ReadOnlySpan<byte> IAccessLogSource.FilterChainName => _state!.FilterChainName;

    ReadOnlySpan<byte> IAccessLogSource.RequestedServerName => Downstream.RequestedServerName;

    ReadOnlySpan<byte> IAccessLogSource.StreamId => RequestId;

    /// <summary>Takes up a new request of a connection.</summary>
    public void Begin(DownstreamStream downstream, HttpConnectionManagerState state, SocketEndpoint remote, SocketEndpoint local, long connectionId)
    {
        Downstream = downstream;
        Http = state.Config;
        _state = state;
        _streamIdleMs = state.StreamIdleMs;
        _requestTimeoutMs = state.RequestTimeoutMs;
        _maxDurationMs = state.MaxStreamDurationMs;
        RemoteAddress = remote;
        Client.Set(remote);
        LocalAddress = local;
        ConnectionId = connectionId;
        _sentToClientBefore = SentToClient;
    }

    ulong IAccessLogSource.NextRandom() => Worker.Random.Next();

    RuntimeValues IAccessLogSource.RuntimeValues => Snapshot.RuntimeValues;

    long? IAccessLogSource.MillisecondsAt(AccessLogTime time)
    {
        var moment = time switch
        {
            AccessLogTime.RequestBegin => StartMs,
            AccessLogTime.RequestEnd => RequestEndMs,
            AccessLogTime.ConnectBegin => Attempt.ConnectBeganMs,
            AccessLogTime.ConnectEnd => Attempt.ConnectedMs,
            AccessLogTime.UpstreamRequestBegin => Attempt.StartMs,
            AccessLogTime.UpstreamRequestEnd => Attempt.RequestEndMs,
            AccessLogTime.UpstreamResponseBegin => Attempt.ResponseBeginMs,
            AccessLogTime.UpstreamBodyBegin => UpstreamBodyBeginMs,
            AccessLogTime.UpstreamResponseEnd => UpstreamResponseEndMs,
            AccessLogTime.ResponseBegin => ResponseBeginMs,
            AccessLogTime.ResponseEnd => ResponseEndMs,
            _ => 0,
        };
        return moment == 0 ? null : moment;
    }

    long IAccessLogSource.SizeOf(AccessLogSize size) => size switch
    {
        AccessLogSize.RequestHeaders => RequestHeadersSize(),
        AccessLogSize.ResponseHeaders => ResponseHeadersSize(),
        AccessLogSize.DownstreamHeadersReceived => Parser.HeadEnd,
        AccessLogSize.DownstreamHeadersSent => ResponseHeadBytes,
        AccessLogSize.DownstreamWireReceived => Parser.HeadEnd + RequestBodyWireBytes,
        AccessLogSize.DownstreamWireSent => SentToClient - _sentToClientBefore,
        AccessLogSize.UpstreamHeadersReceived => Attempt.HeadBytes,
        AccessLogSize.UpstreamHeadersSent => Attempt.RequestHeadBytes,
        AccessLogSize.UpstreamWireReceived => Attempt.WireReceived,
        _ => Attempt.WireSent,
    };

    ReadOnlySpan<byte> IAccessLogSource.AttemptedHost(int index) => Attempted(index).Endpoint.Config.Address.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.AttemptedHostName(int index) => HostNameOf(Attempted(index).Endpoint);

    long IAccessLogSource.AttemptedConnectionId(int index) => Attempted(index).ConnectionId;

    bool IAccessLogSource.TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        if (_playedRequest is not null)
        {
            return _playedRequest.TryGet(name, out value);
        }

        if (_sentRequest.IsKept)
        {
            return _sentRequest.Head.TryGet(name, out value);
        }

        return Request.TryGet(name, out value);
    }

    bool IAccessLogSource.TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (_playedResponse is null && !_sentResponse.IsKept)
        {
            return false;
        }

        if (name.SequenceEqual(":status"u8))
        {
            Status.TryFormat(_status, out _, default, CultureInfo.InvariantCulture);
            value = _status;
            return true;
        }

        return _playedResponse is not null ? _playedResponse.TryGet(name, out value) : _sentResponse.Head.TryGet(name, out value);
    }

    private long SentToClient => Downstream.Io.BytesSent + Downstream.Io.PendingOutput;

    private ReadOnlySpan<byte> HostNameOf(Endpoint endpoint)
    {
        var name = endpoint.Config.Hostname;
        if (name.Length == 0)
        {
            return endpoint.Config.Address.Text.Span;
        }

        if (_hostName.Length == 0)
        {
            _hostName = new byte[Encoding.UTF8.GetMaxByteCount(MaxHostName)];
        }

        Encoding.UTF8.TryGetBytes(name.AsSpan(0, Math.Min(name.Length, MaxHostName)), _hostName, out var length);
        return _hostName.AsSpan(0, length);
    }

    /// <summary>Names and values; the first line and Host count as the pseudo-headers that they are in later versions.</summary>
    private long RequestHeadersSize()
    {
        var request = LoggedRequest;
        var size = SizeOfFields(request) + ":method:path:scheme"u8.Length + request.Method.Length + request.Target.Length + request.Scheme.Length;
        if (!request.Authority.IsEmpty)
        {
            size += ":authority"u8.Length + request.Authority.Length;
        }

        return size;
    }

    private long ResponseHeadersSize() => _sentResponse.IsKept ? SizeOfFields(_sentResponse.Head) + ":status200"u8.Length : 0;

    private static long SizeOfFields(MessageHead head)
    {
        var size = 0L;
        foreach (ref readonly var field in head.Fields)
        {
            size += field.Id == KnownHeader.Host ? 0 : field.Name.Length + field.Value.Length;
        }

        return size;
    }

    private void ResetLogState() => _state = null;
}
