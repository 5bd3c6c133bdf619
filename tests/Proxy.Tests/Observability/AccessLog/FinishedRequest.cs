using System.Text;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

/// <summary>A request's facts, as input of formats.</summary>
internal sealed class FinishedRequest : IAccessLogSource
{
    private static readonly byte[] Http11 = "HTTP/1.1"u8.ToArray();

    public Dictionary<string, byte[]> RequestHeaders { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, byte[]> ResponseHeaders { get; } = new(StringComparer.Ordinal);

    public DateTimeOffset StartTime { get; set; } = new(2016, 4, 15, 20, 17, 0, 310, TimeSpan.Zero);

    public ReadOnlySpan<byte> Protocol => Http11;

    public int ResponseCode { get; set; } = 200;

    public string Details { get; set; } = "via_upstream";

    public ReadOnlySpan<byte> ResponseCodeDetails => Encoding.UTF8.GetBytes(Details);

    public ResponseFlags ResponseFlags { get; set; }

    public long BytesReceived { get; set; } = 154;

    public long BytesSent { get; set; } = 12;

    public TimeSpan? Duration { get; set; } = TimeSpan.FromMilliseconds(226.9);

    public TimeSpan? RequestDuration { get; set; } = TimeSpan.FromMilliseconds(1);

    public TimeSpan? ResponseDuration { get; set; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan? ResponseTxDuration { get; set; } = TimeSpan.FromMilliseconds(126);

    public byte[]? Upstream { get; set; } = "10.0.2.1:80"u8.ToArray();

    public ReadOnlySpan<byte> UpstreamHost => Upstream;

    public ReadOnlySpan<byte> UpstreamCluster => "web"u8;

    public ReadOnlySpan<byte> UpstreamLocalAddress => "10.0.0.9:40000"u8;

    public ReadOnlySpan<byte> DownstreamRemoteAddress => "[2001:db8::1]:5555"u8;

    public ReadOnlySpan<byte> DownstreamDirectRemoteAddress => "127.0.0.1:6666"u8;

    public ReadOnlySpan<byte> DownstreamLocalAddress => "127.0.0.1:8080"u8;

    public ReadOnlySpan<byte> RouteName => "r1"u8;

    public long ConnectionId => 7;

    public bool TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => TryGet(RequestHeaders, name, out value);

    public bool TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => TryGet(ResponseHeaders, name, out value);

    public FinishedRequest With(string header, string value)
    {
        RequestHeaders[header] = Encoding.Latin1.GetBytes(value);
        return this;
    }

    public static FinishedRequest Get(string path) => new FinishedRequest().With(":method", "GET").With(":path", path);

    private static bool TryGet(Dictionary<string, byte[]> headers, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var found = headers.TryGetValue(Encoding.ASCII.GetString(name), out var bytes);
        value = bytes;
        return found;
    }
}
