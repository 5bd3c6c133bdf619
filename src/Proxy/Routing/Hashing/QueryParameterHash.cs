using System.IO.Hashing;
using System.Text;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing.Hashing;

/// <summary>The hash of a query parameter.</summary>
internal sealed class QueryParameterHash(QueryParameterHashPolicy source) : CompiledHashPolicy(source.IsTerminal)
{
    private readonly byte[] _name = Encoding.UTF8.GetBytes(source.Name);

    public override bool TryHash(in HashSource source, out ulong hash)
    {
        var isFound = CompiledQueryParameterMatcher.TryGetFirst(source.Head.Query, _name, out var value);
        hash = isFound ? XxHash64.HashToUInt64(value) : 0;
        return isFound;
    }
}

/// <summary>The hash of the client's address.</summary>
internal sealed class SourceIpHash(bool isTerminal) : CompiledHashPolicy(isTerminal)
{
    public override bool TryHash(in HashSource source, out ulong hash)
    {
        hash = XxHash64.HashToUInt64(source.ClientAddress);
        return !source.ClientAddress.IsEmpty;
    }
}
