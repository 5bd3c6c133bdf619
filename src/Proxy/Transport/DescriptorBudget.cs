namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Counts the process's sockets against its limit of descriptors. What the process had open before is not there for them, and the last
/// twentieth, at least <see cref="MinReserve"/>, is kept for files and the admin page. Of the rest each client's connection needs a second
/// one to an upstream, so clients get half, or all but <see cref="MaxUpstreamReserve"/> where that is more: accepting pauses there, so
/// that what was accepted can be served.
/// </summary>
internal sealed unsafe class DescriptorBudget
{
    /// <summary>Fewest descriptors kept for files and the admin page.</summary>
    public const int MinReserve = 32;

    /// <summary>Most descriptors kept for connections to upstreams.</summary>
    public const int MaxUpstreamReserve = 4096;

    private const int NoFile = 7;
    private readonly long _acceptLimit;
    private readonly long _clientLimit;
    private long _open;

    /// <summary>Raises the soft limit to the hard one, and reckons with it.</summary>
    public DescriptorBudget()
    {
        Native.ResourceLimit limit;
        if (Native.GetResourceLimit(NoFile, &limit) < 0)
        {
            _acceptLimit = _clientLimit = long.MaxValue;
            return;
        }

        var raised = new Native.ResourceLimit { Soft = limit.Hard, Hard = limit.Hard };
        if (limit.Soft != limit.Hard && Native.SetResourceLimit(NoFile, &raised) == 0)
        {
            limit = raised;
        }

        Limit = (long)Math.Min(limit.Soft, long.MaxValue);
        (_acceptLimit, _clientLimit) = Shares(Limit, Directory.GetFileSystemEntries("/proc/self/fd").Length);
    }

    /// <summary>A budget of so many descriptors, whatever the system grants.</summary>
    /// <param name="limit">Descriptors in all.</param>
    /// <param name="others">Those that are no connections.</param>
    public DescriptorBudget(long limit, long others = 0)
    {
        Limit = limit;
        (_acceptLimit, _clientLimit) = Shares(limit, others);
    }

    /// <summary>Descriptors that the process may have.</summary>
    public long Limit { get; } = long.MaxValue;

    /// <summary>Connections open now, on both sides.</summary>
    public long Open => Interlocked.Read(ref _open);

    /// <summary>False where only the reserves are left.</summary>
    /// <param name="clients">Client connections of the process now.</param>
    public bool MayAccept(long clients) => Open < _acceptLimit && clients < _clientLimit;

    public void Take() => Interlocked.Increment(ref _open);

    public void Return() => Interlocked.Decrement(ref _open);

    // One client at least is served, however few there are.
    private static (long Accept, long Client) Shares(long limit, long others)
    {
        var usable = Math.Max(2, limit - others - Math.Max(limit / 20, MinReserve));
        return (usable, Math.Max(usable / 2, usable - MaxUpstreamReserve));
    }
}
