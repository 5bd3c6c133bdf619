using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>An <see cref="AddressPredicate"/> ready for traffic. Immutable but for its counter, which is bound before the first request.</summary>
internal sealed class CompiledAddressPredicate(AddressPredicate source) : CompiledPredicate
{
    private readonly CompiledMatchInput _input = new(source.Input);
    private readonly AddressTable _ranges = new(source.Ranges.Select(static range => (range, 0)));
    private StatPage? _page;
    private Counter _failed;

    /// <summary>Gives it its counter. It writes to the page of all threads, since a value that is no address is rare.</summary>
    public void BindStats(StatRegistry registry)
    {
        _failed = registry.Counter($"{source.StatPrefix.TrimEnd('.')}.ip_parsing_failed");
        _page = registry.Shared;
    }

    public override bool Holds(RequestHead head)
    {
        if (_input.TryGetAddress(head, out var address, out var isMalformed))
        {
            return _ranges.Contains(address);
        }

        if (isMalformed)
        {
            _page?.Increment(_failed);
        }

        return false;
    }
}

/// <summary>A <see cref="RouteMatcherAddresses"/> ready for traffic.</summary>
internal sealed class CompiledRouteMatcherAddresses(MatchInput input, (RouteMatcherAddressEntry Entry, CompiledRouteChoice Choice)[] entries, CompiledRouteChoice? onNoMatch)
    : CompiledRouteMatcher(onNoMatch)
{
    private readonly CompiledMatchInput _input = new(input);
    private readonly AddressTable _ranges = new(entries.SelectMany(static (entry, i) => entry.Entry.Ranges.Select(range => (range, i))));

    protected override CompiledRouteChoice? FindMatch(RequestHead head)
    {
        if (!_input.TryGetAddress(head, out var address, out _))
        {
            return null;
        }

        var isFirst = true;
        for (var level = 0; level < _ranges.LevelCount; level++)
        {
            foreach (var index in _ranges.Find(level, address))
            {
                var (entry, choice) = entries[index];
                if ((isFirst || !entry.IsExclusive) && choice.Follow(head) is { } found)
                {
                    return found;
                }

                isFirst = false;
            }
        }

        return null;
    }
}
