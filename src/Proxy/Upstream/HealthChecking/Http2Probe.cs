using System.Text;
using KubeProxyNet.Proxy.Http.Http2;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>A check by HTTP/2 (<c>codec_client_type: HTTP2</c>), judged as one by HTTP/1.1.</summary>
internal sealed class Http2Probe(ClusterHealthChecks cluster, HttpHealthCheck check, ProbeTarget target) : StreamProbe(cluster, target)
{
    private readonly HttpJudge _judge = new(cluster, check);
    private readonly byte[] _method = Encoding.ASCII.GetBytes(check.Method);
    private readonly byte[] _path = Encoding.UTF8.GetBytes(check.Path);
    private readonly byte[] _lines = Encoding.UTF8.GetBytes(
        check.HeaderLines + (check.Send.Bytes.Length > 0 || check.Method is "POST" or "PUT" or "PATCH" or "OPTIONS" ? $"content-length: {check.Send.Bytes.Length}\r\n" : ""));

    private byte[]? _authority;

    /// <inheritdoc/>
    protected override Http2Stream Ask(ProbeConnection connection)
    {
        _authority ??= Encoding.UTF8.GetBytes(Hostname.Length > 0 ? Hostname : check.Host);
        return connection.Ask(new RequestPseudoFields { Method = _method, Scheme = Scheme, Authority = _authority, Path = _path }, _lines, check.Send.Bytes);
    }

    /// <inheritdoc/>
    protected override void TakeHead(ProbeConnection connection) => _judge.TakeHead(connection.Head);

    /// <inheritdoc/>
    protected override void TakeBody(ReadOnlySpan<byte> payload) => _judge.TakeBody(payload);

    /// <inheritdoc/>
    protected override ProbeResult Judge(ProbeConnection connection) => _judge.Judge();
}
