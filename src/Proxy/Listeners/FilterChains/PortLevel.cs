namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What comes next by port.</summary>
internal sealed class PortLevel<TNext>
    where TNext : class, new()
{
    private Dictionary<int, TNext>? _ports;
    private TNext? _any;

    /// <summary>What a port leads to, made where it leads nowhere yet; 0 is any.</summary>
    public TNext Add(int port)
    {
        if (port == 0)
        {
            return _any ??= new TNext();
        }

        _ports ??= [];
        if (!_ports.TryGetValue(port, out var next))
        {
            _ports[port] = next = new TNext();
        }

        return next;
    }

    /// <summary>What a port leads to, or what asks for none; null for nothing.</summary>
    public TNext? Find(int port) => _ports is not null && _ports.TryGetValue(port, out var next) ? next : _any;
}
