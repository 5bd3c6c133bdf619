using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>
/// The client of a request as far as it can be trusted: the peer of the connection, or an address out of a header. Belongs to one exchange
/// and is filled anew for each request without allocating.
/// </summary>
internal sealed class ClientAddress
{
    private const int BracketsAndPort = 4;

    private readonly byte[] _text = new byte[IpAddress.MaxTextLength + BracketsAndPort];
    private SocketEndpoint? _peer;
    private int _start;
    private int _length;

    /// <summary>The address.</summary>
    public IpAddress Value { get; private set; }

    /// <summary>Address and port, <c>1.2.3.4:80</c> or <c>[::1]:80</c>; port 0 where the address is out of a header, as in Envoy.</summary>
    public ReadOnlySpan<byte> Text => _peer is not null ? _peer.Text.Span : _text.AsSpan(0, _start + _length + (_start == 0 ? 2 : 3));

    /// <summary>The address without port and brackets.</summary>
    public ReadOnlySpan<byte> AddressText => _peer is not null ? _peer.AddressText.Span : _text.AsSpan(_start, _length);

    /// <summary>Takes the peer of the connection.</summary>
    public void Set(SocketEndpoint peer)
    {
        _peer = peer;
        Value = peer.Value;
    }

    /// <summary>Takes an address out of a header.</summary>
    public void Set(IpAddress address)
    {
        _peer = null;
        Value = address;
        var isV6 = address.Length > 32;
        _start = isV6 ? 1 : 0;
        _text[0] = (byte)'[';
        _length = address.Write(_text.AsSpan(_start));
        (isV6 ? "]:0"u8 : ":0"u8).CopyTo(_text.AsSpan(_start + _length));
    }
}
