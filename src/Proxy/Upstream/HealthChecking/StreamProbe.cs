using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>A check on a stream of HTTP/2. What is asked and how the answer is judged, those who derive from it know.</summary>
internal abstract class StreamProbe(ClusterHealthChecks cluster, ProbeTarget target) : Probe(cluster, target)
{
    private ProbeConnection? _http2;

    /// <inheritdoc/>
    protected override bool CanBeKept => _http2 is { IsUsable: true };

    /// <inheritdoc/>
    protected override bool IsLossFailure => false;

    /// <inheritdoc/>
    protected override bool HasLeftBehind => _http2 is { HasLeftBehind: true };

    /// <inheritdoc/>
    protected override byte[] FallbackProtocols => AlpnList.Http2;

    /// <summary><c>https</c> or <c>http</c>.</summary>
    protected ReadOnlySpan<byte> Scheme => IsSecure ? "https"u8 : "http"u8;

    /// <inheritdoc/>
    protected override async LoopTask<ProbeResult?> ExchangeAsync(Connection connection)
    {
        if (_http2 is not { } http2 || http2.Connection != connection)
        {
            _http2 = http2 = new ProbeConnection(connection, Cluster.Cluster, OnEnded);
            http2.RunAsync().Detach();
        }

        if (!http2.IsUsable)
        {
            return null;
        }

        var stream = Ask(http2);
        while (!http2.HasHead)
        {
            if (stream.ResetCode is not null || await stream.Readable() == WaitResult.Interrupted)
            {
                return null;
            }
        }

        TakeHead(http2);
        while (true)
        {
            var payload = stream.Read();
            if (!payload.IsEmpty)
            {
                TakeBody(payload);
            }
            else if (stream.IsRemoteEnded)
            {
                break;
            }
            else if (stream.ResetCode is not null || await stream.Readable() == WaitResult.Interrupted)
            {
                return null;
            }
        }

        var result = Judge(http2);
        http2.Forget();
        return result;
    }

    /// <inheritdoc/>
    protected override void Interrupt(Connection connection)
    {
        connection.Interrupt();
        _http2?.Stream?.Interrupt();
    }

    /// <inheritdoc/>
    protected override void OnClosing()
    {
        var http2 = _http2;
        _http2 = null;
        http2?.Close();
    }

    /// <inheritdoc/>
    protected override bool HasEnded(Connection connection) => false;

    /// <summary>Sends the request.</summary>
    protected abstract Http2Stream Ask(ProbeConnection connection);

    /// <summary>The final head has come.</summary>
    protected abstract void TakeHead(ProbeConnection connection);

    /// <summary>More of the body has come.</summary>
    protected abstract void TakeBody(ReadOnlySpan<byte> payload);

    /// <summary>The response is whole.</summary>
    protected abstract ProbeResult Judge(ProbeConnection connection);
}
