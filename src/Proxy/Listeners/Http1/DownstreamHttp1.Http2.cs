using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Listeners.Http2;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>A client that turns out to speak HTTP/2, by prior knowledge (RFC 9113 section 3.3): its first bytes are the preface.</summary>
internal sealed partial class DownstreamHttp1
{
    private DownstreamHttp2? _successor;
    private Block? _firstBytes;
    private int _firstLength;

    /// <summary>True for the first line of the preface, where that is allowed. What follows is the successor's to judge.</summary>
    private bool SpeaksHttp2(ReadOnlySpan<byte> bytes) =>
        _requests == 0 && _state.Config.Codec == HttpCodec.Auto && bytes.StartsWith(Http2Connection.Preface[..Http2Connection.PrefaceLineLength]);

    /// <summary>The connection is another's from here on, with what was received of it.</summary>
    private void HandOver()
    {
        _firstLength = _input.End;
        _firstBytes = _input.Detach();
        _successor = new DownstreamHttp2(_runtime, _state, _siblings, new AcceptedConnection
        {
            Connection = _connection,
            Remote = _remote,
            Local = _local,
            Id = _connectionId,
            AcceptedMs = _openedMs,
            Place = Place,
            RequestedServerName = RequestedServerName,
            Authorities = Authorities,
        });
    }

    private void GoOn()
    {
        if (_successor is { } successor)
        {
            successor.RunAsync(_firstBytes, _firstLength).Detach();
            if (_drainGraceMs != NotDraining && !_connection.IsClosed)
            {
                successor.Drain(_drainGraceMs);
            }
        }
    }

    private void CountRequest()
    {
        if (_requests++ == 0)
        {
            _runtime.Worker.Stats.Increment(_state.Stats.ConnectionsHttp1Total);
            _runtime.Worker.Stats.Add(_state.Stats.ConnectionsHttp1Active, 1);
        }
    }
}
