using System.Text;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Listeners.Tcp;

/// <content>What the access log reads of the connection. What only requests have, it has not.</content>
internal sealed partial class DownstreamTcp : IAccessLogSource
{
    private int _connectError;
    private byte[] _transportFailure = [];

    DateTimeOffset IAccessLogSource.StartTime => new(_openedWallTicks, TimeSpan.Zero);

    DateTimeOffset IAccessLogSource.EmitTime => new(Worker.WallClockTicks, TimeSpan.Zero);

    ReadOnlySpan<byte> IAccessLogSource.Protocol => default;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamProtocol => default;

    int IAccessLogSource.ResponseCode => 0;

    ReadOnlySpan<byte> IAccessLogSource.ResponseCodeDetails => default;

    ResponseFlags IAccessLogSource.ResponseFlags => _flags;

    ReadOnlySpan<byte> IAccessLogSource.LocalReplyBody => default;

    long IAccessLogSource.BytesReceived => _connection.BytesReceived;

    long IAccessLogSource.BytesSent => _connection.BytesSent;

    long IAccessLogSource.DurationMs => Worker.NowMs - _openedMs;

    long? IAccessLogSource.PoolReadyMs => ConnectedMs is { } connected ? connected - _upstream!.ConnectBeganMs : null;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamHost => HostText;

    // Made anew for each log record that asks for it.
    ReadOnlySpan<byte> IAccessLogSource.UpstreamHostName =>
        _endpoint is { Config.Hostname: { Length: > 0 } name } ? Encoding.UTF8.GetBytes(name) : HostText;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamRemoteAddress => ConnectedMs is null ? default : _upstream!.Address.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamCluster => _cluster is null ? default : _cluster.State.StatNameText;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamClusterRaw => _cluster is null ? default : _cluster.State.NameText;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamLocalAddress => ConnectedMs is not null && _upstream!.Connection.LocalAddress is { } address ? address.Text.Span : default;

    ReadOnlySpan<byte> IAccessLogSource.UpstreamTransportFailureReason => _transportFailure.Length > 0 ? _transportFailure : ConnectErrors.Text(_connectError);

    bool IAccessLogSource.IsUpstreamReset => _end == TcpEnd.UpstreamGone;

    long IAccessLogSource.UpstreamConnectionId => ConnectedMs is null ? 0 : _upstream!.Id;

    int IAccessLogSource.UpstreamRequestAttemptCount => _attempts;

    int IAccessLogSource.AttemptedHosts => _endpoint is null ? 0 : 1;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamRemoteAddress => _remote.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamDirectRemoteAddress => _remote.Text.Span;

    ReadOnlySpan<byte> IAccessLogSource.DownstreamLocalAddress => (_connection.LocalAddress ?? _local).Text.Span;

    bool IAccessLogSource.IsDownstreamReset => _connection.IsReset;

    ReadOnlySpan<byte> IAccessLogSource.RouteName => default;

    ReadOnlySpan<byte> IAccessLogSource.FilterChainName => _state.FilterChainName;

    ReadOnlySpan<byte> IAccessLogSource.RequestedServerName => _serverName;

    long IAccessLogSource.ConnectionId => _connectionId;

    ReadOnlySpan<byte> IAccessLogSource.StreamId => default;

    RuntimeValues IAccessLogSource.RuntimeValues => _snapshot.RuntimeValues;

    private ReadOnlySpan<byte> HostText => _endpoint is null ? default : _endpoint.Config.Address.Text.Span;

    /// <summary>When the endpoint's connection stood; null where none does.</summary>
    private long? ConnectedMs => _upstream is { ConnectedMs: > 0 and var connected } ? connected : null;

    ulong IAccessLogSource.NextRandom() => Worker.Random.Next();

    long? IAccessLogSource.MillisecondsAt(AccessLogTime time) => time switch
    {
        AccessLogTime.RequestBegin => _openedMs,
        AccessLogTime.ConnectBegin => _upstream?.ConnectBeganMs,
        AccessLogTime.ConnectEnd => ConnectedMs,
        _ => null,
    };

    long IAccessLogSource.SizeOf(AccessLogSize size) => size switch
    {
        AccessLogSize.DownstreamWireReceived => _connection.BytesReceived,
        AccessLogSize.DownstreamWireSent => _connection.BytesSent,
        AccessLogSize.UpstreamWireReceived => _upstream?.Connection.BytesReceived ?? 0,
        AccessLogSize.UpstreamWireSent => _upstream?.Connection.BytesSent ?? 0,
        _ => 0,
    };

    ReadOnlySpan<byte> IAccessLogSource.AttemptedHost(int index) => HostText;

    ReadOnlySpan<byte> IAccessLogSource.AttemptedHostName(int index) => HostText;

    long IAccessLogSource.AttemptedConnectionId(int index) => ConnectedMs is null ? 0 : _upstream!.Id;

    bool IAccessLogSource.TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }

    bool IAccessLogSource.TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }
}
