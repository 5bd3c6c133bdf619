using System.Text;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

/// <summary>A request's facts, as input of formats and filters. Looking one up allocates nothing.</summary>
internal sealed class FinishedRequest : IAccessLogSource
{
    private static readonly byte[] Http11 = "HTTP/1.1"u8.ToArray();
    private readonly List<(byte[] Name, byte[] Value)> _requestHeaders = [];
    private readonly List<(byte[] Name, byte[] Value)> _responseHeaders = [];
    private ulong _random;

    public DateTimeOffset StartTime { get; set; } = new(2016, 4, 15, 20, 17, 0, 310, TimeSpan.Zero);

    public DateTimeOffset EmitTime => StartTime.AddMilliseconds(DurationMs);

    public ReadOnlySpan<byte> Protocol => Http11;

    public ReadOnlySpan<byte> UpstreamProtocol => Http11;

    public int ResponseCode { get; set; } = 200;

    public byte[] Details { get; set; } = "via_upstream"u8.ToArray();

    public ReadOnlySpan<byte> ResponseCodeDetails => Details;

    public ResponseFlags ResponseFlags { get; set; }

    public byte[] LocalReply { get; set; } = [];

    public ReadOnlySpan<byte> LocalReplyBody => LocalReply;

    public long BytesReceived { get; set; } = 154;

    public long BytesSent { get; set; } = 12;

    public long DurationMs { get; set; } = 226;

    public long? PoolReadyMs { get; set; } = 3;

    /// <summary>When what happened, in milliseconds.</summary>
    public Dictionary<AccessLogTime, long> Times { get; } = new()
    {
        [AccessLogTime.RequestBegin] = 1000,
        [AccessLogTime.RequestEnd] = 1001,
        [AccessLogTime.ConnectBegin] = 900,
        [AccessLogTime.ConnectEnd] = 905,
        [AccessLogTime.UpstreamRequestBegin] = 1003,
        [AccessLogTime.UpstreamRequestEnd] = 1004,
        [AccessLogTime.UpstreamResponseBegin] = 1100,
        [AccessLogTime.ResponseBegin] = 1101,
        [AccessLogTime.UpstreamResponseEnd] = 1220,
        [AccessLogTime.ResponseEnd] = 1226,
    };

    public byte[]? Upstream { get; set; } = "10.0.2.1:80"u8.ToArray();

    public ReadOnlySpan<byte> UpstreamHost => Upstream;

    public byte[] HostName { get; set; } = "web.example:80"u8.ToArray();

    public ReadOnlySpan<byte> UpstreamHostName => HostName;

    public ReadOnlySpan<byte> UpstreamRemoteAddress => Upstream;

    public ReadOnlySpan<byte> UpstreamCluster => "web_stat"u8;

    public ReadOnlySpan<byte> UpstreamClusterRaw => "web"u8;

    public ReadOnlySpan<byte> UpstreamLocalAddress => "10.0.0.9:40000"u8;

    public ReadOnlySpan<byte> UpstreamTransportFailureReason => default;

    public bool IsUpstreamReset => false;

    public long UpstreamConnectionId => 9;

    public int UpstreamRequestAttemptCount => 2;

    public int AttemptedHosts { get; set; } = 2;

    public ReadOnlySpan<byte> DownstreamRemoteAddress => "[2001:db8:1234:5678:9abc:def0:1234:5678]:5555"u8;

    public ReadOnlySpan<byte> DownstreamDirectRemoteAddress => "127.9.8.7:6666"u8;

    public ReadOnlySpan<byte> DownstreamLocalAddress => "127.0.0.1:8080"u8;

    public bool IsDownstreamReset => true;

    public ReadOnlySpan<byte> RouteName => "r1"u8;

    public ReadOnlySpan<byte> FilterChainName => "chain"u8;

    public long ConnectionId => 7;

    public byte[] Id { get; set; } = "3f6a0000-cf5c-432b-8c7e-98aeb7988cd2"u8.ToArray();

    public ReadOnlySpan<byte> StreamId => Id;

    public ulong NextRandom() => ++_random;

    public KubeProxyNet.Proxy.RuntimeLayers.RuntimeValues RuntimeValues { get; set; } = KubeProxyNet.Proxy.RuntimeLayers.RuntimeValues.Empty;

    public long? MillisecondsAt(AccessLogTime time) => Times.TryGetValue(time, out var moment) ? moment : null;

    public long SizeOf(AccessLogSize size) => 100 + (int)size;

    public ReadOnlySpan<byte> AttemptedHost(int index) => index == 0 ? "10.0.2.9:80"u8 : Upstream;

    public ReadOnlySpan<byte> AttemptedHostName(int index) => index == 0 ? "old.example"u8 : HostName;

    public long AttemptedConnectionId(int index) => index == 0 ? 0 : 9;

    public bool TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => TryGet(_requestHeaders, name, out value);

    public bool TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => TryGet(_responseHeaders, name, out value);

    public FinishedRequest With(string header, string value) => With(header, Encoding.Latin1.GetBytes(value));

    public FinishedRequest With(string header, byte[] value)
    {
        _requestHeaders.Add((Encoding.ASCII.GetBytes(header), value));
        return this;
    }

    public FinishedRequest WithResponse(string header, string value) => WithResponse(header, Encoding.Latin1.GetBytes(value));

    public FinishedRequest WithResponse(string header, byte[] value)
    {
        _responseHeaders.Add((Encoding.ASCII.GetBytes(header), value));
        return this;
    }

    public static FinishedRequest Get(string path) => new FinishedRequest().With(":method", "GET").With(":path", path);

    private static bool TryGet(List<(byte[] Name, byte[] Value)> headers, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (var header in headers)
        {
            if (name.SequenceEqual(header.Name))
            {
                value = header.Value;
                return true;
            }
        }

        value = default;
        return false;
    }
}
