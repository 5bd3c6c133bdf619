using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>The endpoints of a cluster by address, for requests that name one. Immutable.</summary>
internal sealed class HostIndex
{
    private readonly byte[][] _addresses;
    private readonly Endpoint[] _endpoints;

    public HostIndex(ImmutableArray<Endpoint> endpoints)
    {
        _endpoints = [.. endpoints];
        _addresses = Array.ConvertAll(_endpoints, static endpoint => endpoint.Config.Address.Text.ToArray());
        Array.Sort(_addresses, _endpoints, Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));
    }

    /// <summary>The endpoint at that address and port, in the form of <c>10.0.0.1:80</c> or <c>[::1]:80</c>; null for none. Allocates nothing.</summary>
    public Endpoint? Find(ReadOnlySpan<byte> address)
    {
        var (low, high) = (0, _addresses.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = _addresses[middle].AsSpan().SequenceCompareTo(address);
            if (order == 0)
            {
                return _endpoints[middle];
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return null;
    }
}
