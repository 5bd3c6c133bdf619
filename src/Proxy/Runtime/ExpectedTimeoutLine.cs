using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The field that tells an endpoint how long its answer is waited for. Most requests of a worker have the timeout of the one before, so the line is kept.</summary>
internal sealed class ExpectedTimeoutLine
{
    private readonly byte[] _line = new byte[64];
    private long _milliseconds;
    private int _length;

    /// <summary>The line with its end, for a timeout above zero; valid until the next call.</summary>
    public ReadOnlySpan<byte> For(long milliseconds)
    {
        if (milliseconds != _milliseconds)
        {
            var writer = new ByteWriter(_line);
            writer.Write("x-envoy-expected-rq-timeout-ms: "u8);
            writer.WriteNumber(milliseconds);
            writer.Write("\r\n"u8);
            _milliseconds = milliseconds;
            _length = writer.Length;
        }

        return _line.AsSpan(0, _length);
    }
}
