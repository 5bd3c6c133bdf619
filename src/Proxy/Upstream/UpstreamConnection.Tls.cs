using System.Text;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>The handshake with an endpoint.</content>
internal sealed partial class UpstreamConnection
{
    /// <summary>TLS on the connection; null for plain text.</summary>
    public TlsSocket? Tls { get; private set; }

    /// <summary>The name that the endpoint was asked for because the request was for it; null for none.</summary>
    public string? RequestedName { get; }

    /// <summary>Why the handshake failed, as the log and the answer show it: <c>TLS_error:…</c>; empty for nothing.</summary>
    public byte[] TransportFailure { get; private set; } = [];

    /// <summary>Agrees with the endpoint on keys. The connect timeout holds for this too, as in Envoy.</summary>
    private async LoopTask<WaitResult> SecureAsync(UpstreamTls tls, long timeoutMs)
    {
        if (tls.Context is not { } context)
        {
            // As Envoy says it.
            Connection.Worker.Stats.Increment(tls.SecretsNotReady);
            TransportFailure = "TLS_error:_Secret_is_not_supplied_by_SDS"u8.ToArray();
            return WaitResult.Interrupted;
        }

        var config = context.Config;
        var name = RequestedName ?? (config.AutoHostSni && _pool.Endpoint.Hostname.Length > 0 ? _pool.Endpoint.Hostname : config.Sni);
        Tls = new TlsSocket(Connection, context)
        {
            AskedServerName = name.Length > 0 ? name : null,
            DemandedHost = config.AutoSniSanValidation && name.Length > 0 ? name : null,
            Sessions = _pool.Sessions,
        };
        _pool.Sessions.Continue(Tls);
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
            var (socket, reason) = (Tls, _deadlinePassed ? "the handshake took longer than connect_timeout" : "");
            tls.Failures?.Report(() => HandshakeDiagnosis.Of(socket, $"cluster \"{_pool.Endpoint.Cluster.Config.Name}\"", Address.ToString(), reason));
            var verdict = socket.Verdict is { IsAccepted: false } refused ? refused.Reason : socket.Failure;
            TransportFailure = Encoding.ASCII.GetBytes($"TLS_error:{(verdict.Length > 0 ? verdict : "connection closed")}".Replace(' ', '_'));
        }

        return WaitResult.Interrupted;
    }
}
