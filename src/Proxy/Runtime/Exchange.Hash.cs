using System.Buffers;
using KubeProxyNet.Proxy.Routing.Hashing;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What the route's hash policies make of the request.</summary>
internal sealed partial class Exchange
{
    private const int CookieRoom = 256;

    private ArrayBufferWriter<byte>? _setCookies;

    /// <summary>The hash; without meaning where <see cref="HasHash"/> is false.</summary>
    public ulong Hash { get; private set; }

    /// <summary>True where the route has hash policies and one of them applies.</summary>
    public bool HasHash { get; private set; }

    /// <summary>The <c>set-cookie</c> lines that go with the upstream's response; empty for none.</summary>
    public ReadOnlySpan<byte> SetCookieLines => _setCookies is null ? default : _setCookies.WrittenSpan;

    /// <summary>Computes the hash, once for all attempts, for a cluster that chooses by it.</summary>
    public void TakeHash()
    {
        if (Route!.Forward!.HashPolicies is not { } policies)
        {
            return;
        }

        if (policies.GivesCookies)
        {
            // Kept with the exchange, for the requests after this one.
            _setCookies ??= new ArrayBufferWriter<byte>(CookieRoom);
        }

        var source = new HashSource(Request, Client.Value.Length == 0 ? default : Client.AddressText, RemoteAddress.Text.Span, LocalAddress.Text.Span, _setCookies);
        HasHash = policies.TryHash(source, out var hash);
        Hash = hash;
    }

    private void ResetHash()
    {
        HasHash = false;
        Hash = 0;
        _setCookies?.ResetWrittenCount();
    }
}
