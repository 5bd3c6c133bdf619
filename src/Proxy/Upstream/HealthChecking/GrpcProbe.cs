using System.Buffers.Binary;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Observability.Grpc;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// A call of <c>grpc.health.v1.Health/Check</c> (gRPC health checking protocol; Envoy documentation, "gRPC health checking"). Healthy is an endpoint that answers OK and
/// SERVING; any other answer makes it unhealthy at once.
/// </summary>
internal sealed class GrpcProbe(ClusterHealthChecks cluster, GrpcHealthCheck check, ProbeTarget target) : StreamProbe(cluster, target)
{
    /// <summary>Longest answer that is looked at: it holds one number.</summary>
    private const int MaxAnswer = 1024;

    private const int FrameHeader = 5;
    private const ulong Serving = 1;

    private readonly byte[] _request = RequestOf(check.ServiceName);
    private readonly byte[] _lines = Encoding.UTF8.GetBytes("te: trailers\r\ncontent-type: application/grpc\r\n" + check.HeaderLines);
    private readonly byte[] _answer = new byte[MaxAnswer];
    private byte[]? _authority;
    private int _length;
    private bool _isCall;

    /// <inheritdoc/>
    protected override Http2Stream Ask(ProbeConnection connection)
    {
        _authority ??= Encoding.UTF8.GetBytes(Hostname.Length > 0 ? Hostname : check.Authority);
        _length = 0;
        return connection.Ask(
            new RequestPseudoFields { Method = "POST"u8, Scheme = Scheme, Authority = _authority, Path = "/grpc.health.v1.Health/Check"u8 }, _lines, _request);
    }

    /// <inheritdoc/>
    protected override void TakeHead(ProbeConnection connection) =>
        _isCall = connection.Head.Status == 200 && connection.Head.TryGet(KnownHeader.ContentType, out var type) && IsGrpc(type);

    /// <inheritdoc/>
    protected override void TakeBody(ReadOnlySpan<byte> payload)
    {
        if (_length + payload.Length > MaxAnswer)
        {
            _isCall = false;
            return;
        }

        payload.CopyTo(_answer.AsSpan(_length));
        _length += payload.Length;
    }

    /// <inheritdoc/>
    protected override ProbeResult Judge(ProbeConnection connection)
    {
        // A call that ends with its head has its status there, and no answer.
        var isOk = _isCall && GrpcStatusHeader.TryGet(connection.Trailers, out var code) && code == GrpcCode.Ok;
        return isOk && StatusOf(_answer.AsSpan(0, _length)) == Serving ? new ProbeResult(true) : new ProbeResult(false, Failure: HealthCheckFailure.Active);
    }

    /// <summary>The message <c>HealthCheckRequest</c> in its frame.</summary>
    private static byte[] RequestOf(string service)
    {
        var name = Encoding.UTF8.GetBytes(service);
        var message = new List<byte>();
        if (name.Length > 0)
        {
            // Field 1, a string.
            message.Add(0x0A);
            var left = (uint)name.Length;
            for (; left >= 0x80; left >>= 7)
            {
                message.Add((byte)(left | 0x80));
            }

            message.Add((byte)left);
            message.AddRange(name);
        }

        var frame = new byte[FrameHeader + message.Count];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Count);
        message.CopyTo(frame, FrameHeader);
        return frame;
    }

    /// <summary>The status in a <c>HealthCheckResponse</c>, the only message of a body; null where it is not that.</summary>
    private static ulong? StatusOf(ReadOnlySpan<byte> body)
    {
        if (body.Length < FrameHeader || body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body[1..]) != (uint)(body.Length - FrameHeader))
        {
            return null;
        }

        ulong status = 0;
        for (var message = body[FrameHeader..]; !message.IsEmpty;)
        {
            if (!TryReadVarint(ref message, out var tag) || !TrySkipOrRead(ref message, tag, ref status))
            {
                return null;
            }
        }

        return status;
    }

    private static bool TrySkipOrRead(ref ReadOnlySpan<byte> message, ulong tag, ref ulong status)
    {
        const int WireTypeBits = 7;
        ulong length = 0;
        switch (tag & WireTypeBits)
        {
            case 0:
                var isRead = TryReadVarint(ref message, out var value);
                status = tag >> 3 == 1 ? value : status;
                return isRead;
            case 1:
                length = sizeof(ulong);
                break;
            case 2:
                if (!TryReadVarint(ref message, out length))
                {
                    return false;
                }

                break;
            case 5:
                length = sizeof(uint);
                break;
            default:
                return false;
        }

        if (length > (ulong)message.Length)
        {
            return false;
        }

        message = message[(int)length..];
        return true;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (var i = 0; i < bytes.Length && i < 10; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    private static bool IsGrpc(ReadOnlySpan<byte> type) =>
        type.StartsWith("application/grpc"u8) && (type.Length == "application/grpc"u8.Length || type["application/grpc"u8.Length] == (byte)'+');
}
