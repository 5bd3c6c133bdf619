using System.Text;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>The handshake with an endpoint.</content>
internal sealed partial class UpstreamConnection
{
    private UpstreamTls? _tls;

    /// <summary>TLS on the connection; null for plain text.</summary>
    public TlsSocket? Tls { get; private set; }

    /// <summary>The name that the endpoint was asked for because the request was for it; null for none.</summary>
    public string? RequestedName { get; }

    /// <summary>
    /// What is offered by ALPN where the transport socket names nothing, as <see cref="AlpnList"/> writes it: what will be spoken. Null (the default) for nothing.
    /// Set before the connection stands.
    /// </summary>
    public byte[]? AlpnFallback { get; set; }

    /// <summary>Why the handshake failed, as the log and the answer show it: <c>TLS_error:…</c>; empty for nothing.</summary>
    public byte[] TransportFailure { get; private set; } = [];

    /// <summary>Agrees with the endpoint on keys. The connect timeout holds for this too, as in Envoy.</summary>
    private async LoopTask<WaitResult> SecureAsync(UpstreamTls tls, long timeoutMs)
    {
        _tls = tls;
        Tls = tls.Secure(Connection, _pool.Endpoint, RequestedName, _pool.Sessions, AlpnFallback);
        if (Tls is null)
        {
            // As Envoy says it.
            TransportFailure = "TLS_error:_Secret_is_not_supplied_by_SDS"u8.ToArray();
            return WaitResult.Interrupted;
        }

        var endMs = Connection.Worker.NowMs + Math.Max(1, timeoutMs);
        Connection.SetDeadline(Math.Max(1, timeoutMs));
        var result = await Tls.HandshakeAsync(endMs);
        Connection.ClearDeadline();
        _deadlinePassed |= result == HandshakeResult.Interrupted && Connection.Worker.NowMs >= endMs;
        tls.Stats.Count(Connection.Worker.Stats, Tls, _deadlinePassed ? HandshakeResult.Failed : result);
        if (result == HandshakeResult.Done)
        {
            return WaitResult.Ready;
        }

        if (result != HandshakeResult.Interrupted || _deadlinePassed)
        {
            tls.Report(Tls, _pool.Endpoint, Address, _deadlinePassed ? "the handshake took longer than connect_timeout" : "");
            var verdict = Tls.Verdict is { IsAccepted: false } refused ? refused.Reason : Tls.Failure;
            TransportFailure = Text(verdict.Length > 0 ? verdict : "connection closed");
        }

        return WaitResult.Interrupted;
    }

    /// <summary>
    /// The connection broke after its handshake: finds out whether TLS is to blame. With TLS 1.3 an endpoint that refuses our certificate says so only then
    /// (RFC 8446 section 4.4.2.4).
    /// </summary>
    /// <returns>As <see cref="TransportFailure"/>; empty where TLS has nothing to do with it.</returns>
    public override byte[] FindTransportFailure()
    {
        if (TransportFailure.Length == 0 && Tls is { Failure: { Length: > 0 } failure, EndedUnannounced: false } socket)
        {
            Connection.Worker.Stats.Increment(_tls!.Stats.ConnectionError);
            _tls.Report(socket, _pool.Endpoint, Address, "");
            TransportFailure = Text(failure);
        }

        return TransportFailure;
    }

    private static byte[] Text(string failure) => Encoding.ASCII.GetBytes($"TLS_error:{failure}".Replace(' ', '_'));
}
