using KubeProxyNet.Proxy.Runtime.FilterChains;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What comes next by where the client is: what asks for its kind of place goes before what asks for none.</summary>
internal sealed class SourceTypeLevel<TNext>
    where TNext : class, new()
{
    private readonly TNext?[] _next = new TNext?[3];

    /// <summary>What a kind of place leads to, made where it leads nowhere yet.</summary>
    public TNext Add(ConnectionSourceType type) => _next[(int)type] ??= new TNext();

    /// <summary>What a client leads to; null for nothing.</summary>
    public TNext? Find(in ConnectionFacts facts) =>
        (facts.IsLocal ? _next[(int)ConnectionSourceType.SameIpOrLoopback] : _next[(int)ConnectionSourceType.External]) ?? _next[(int)ConnectionSourceType.Any];
}
