using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What the access log reads of an exchange. Headers are shown as they travel upstream, as Envoy shows them.</summary>
internal sealed partial class Exchange : IAccessLogSource
{
    private readonly ResponseHead _response = new();
    private byte[] _responseBytes = [];
    private byte[] _forwardedFor = [];

    /// <summary>Where the fields of the head that the upstream sent last end: the offset of its empty line.</summary>
    public int UpstreamFieldsEnd => Upstream!.HeadEnd - 2;

    /// <summary>Where the fields of the response end: the offset of its empty line.</summary>
    public int ResponseFieldsEnd => UpstreamFieldsEnd;

    /// <summary>The Server header that goes to the client.</summary>
    public ReadOnlySpan<byte> ServerName => _state!.ServerName;

    /// <summary>Where the connection manager of this exchange counts.</summary>
    public HttpStats HttpStats => _state!.Stats;

    private HttpConnectionManagerState? _state;

    DateTimeOffset IAccessLogSource.StartTime => new(StartWallTicks, TimeSpan.Zero);

    ReadOnlySpan<byte> IAccessLogSource.Protocol => Request.MinorVersion == 0 ? "HTTP/1.0"u8 : "HTTP/1.1"u8;

    int IAccessLogSource.ResponseCode => Status;

    ReadOnlySpan<byte> IAccessLogSource.ResponseCodeDetails => Details.Span;

    ResponseFlags IAccessLogSource.ResponseFlags => Flags;

    TimeSpan? IAccessLogSource.Duration => TimeSpan.FromMilliseconds(Worker.NowMs - StartMs);

    TimeSpan? IAccessLogSource.RequestDuration => Since(RequestEndMs);

    TimeSpan? IAccessLogSource.ResponseDuration => Since(UpstreamFirstByteMs);

    TimeSpan? IAccessLogSource.ResponseTxDuration =>
        UpstreamFirstByteMs == 0 ? null : TimeSpan.FromMilliseconds(Worker.NowMs - UpstreamFirstByteMs);

    ReadOnlySpan<byte> IAccessLogSource.UpstreamHost => Endpoint is null ? default : Endpoint.Config.Address.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamCluster => Cluster is null ? default : Cluster.State.NameText;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamLocalAddress => default;

    int IAccessLogSource.UpstreamRequestAttemptCount => Attempts;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamRemoteAddress => RemoteAddress.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamDirectRemoteAddress => RemoteAddress.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamLocalAddress => LocalAddress.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.RouteName => Route is null || Route.Name.Length == 0 ? default : System.Text.Encoding.UTF8.GetBytes(Route.Name);

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
        LocalAddress = local;
        ConnectionId = connectionId;
    }

    /// <summary>Copies the response head where a log will want its fields after it has gone.</summary>
    public void KeepResponseHead(ResponseHead head)
    {
        Details = ViaUpstream;
        if (_state!.AccessLogs.Count == 0)
        {
            return;
        }

        var length = Upstream!.HeadEnd;
        if (_responseBytes.Length < length)
        {
            _responseBytes = new byte[Math.Max(1024, length * 2)];
        }

        head.Bytes.AsSpan(0, length).CopyTo(_responseBytes);
        _response.CopyFields(head, _responseBytes);
    }

    bool IAccessLogSource.TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        if (HasOwnRequestId && name.SequenceEqual("x-request-id"u8))
        {
            value = RequestId;
            return true;
        }

        if (Http.UseRemoteAddress && !Http.SkipXffAppend && name.SequenceEqual("x-forwarded-for"u8))
        {
            value = ForwardedFor();
            return true;
        }

        return Request.TryGet(name, out value);
    }

    bool IAccessLogSource.TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("x-envoy-upstream-service-time"u8) && UpstreamFirstByteMs > 0 && !Http.SuppressEnvoyHeaders)
        {
            System.Buffers.Text.Utf8Formatter.TryFormat(UpstreamFirstByteMs - UpstreamStartMs, _serviceTime, out var length);
            value = _serviceTime.AsSpan(0, length);
            return true;
        }

        return _response.TryGet(name, out value);
    }

    private static readonly byte[] ViaUpstream = "via_upstream"u8.ToArray();

    private readonly byte[] _serviceTime = new byte[20];

    private TimeSpan? Since(long momentMs) => momentMs == 0 ? null : TimeSpan.FromMilliseconds(momentMs - StartMs);

    private ReadOnlySpan<byte> ForwardedFor()
    {
        var address = RemoteAddress.AddressText.Span;
        if (!Request.TryGet(KnownHeader.XForwardedFor, out var earlier) || earlier.IsEmpty)
        {
            return address;
        }

        var length = earlier.Length + 1 + address.Length;
        if (_forwardedFor.Length < length)
        {
            _forwardedFor = new byte[length * 2];
        }

        earlier.CopyTo(_forwardedFor);
        _forwardedFor[earlier.Length] = (byte)',';
        address.CopyTo(_forwardedFor.AsSpan(earlier.Length + 1));
        return _forwardedFor.AsSpan(0, length);
    }

    private void ResetLogState()
    {
        _response.Reset();
        _state = null;
    }
}
