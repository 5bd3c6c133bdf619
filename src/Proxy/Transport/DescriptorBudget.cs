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
    public const int MinReserve = 64;

    /// <summary>Most descriptors kept for connections to upstreams.</summary>
    public const int MaxUpstreamReserve = 4096;

    private const int NoFile = 7;
    private const int TightLimit = 4096;
    private const int RecountEvery = 8;
    private readonly bool _isOfSystem;
    private long _acceptLimit = long.MaxValue;
    private long _clientLimit = long.MaxValue;
    private long _open;

    /// <summary>Raises the soft limit to the hard one, and reckons with it.</summary>
    public DescriptorBudget()
    {
        Native.ResourceLimit limit;
        if (Native.GetResourceLimit(NoFile, &limit) < 0)
        {
            return;
        }

        var raised = new Native.ResourceLimit { Soft = limit.Hard, Hard = limit.Hard };
        if (limit.Soft != limit.Hard && Native.SetResourceLimit(NoFile, &raised) == 0)
        {
            limit = raised;
        }

        Limit = (long)Math.Min(limit.Soft, long.MaxValue);
        _isOfSystem = true;
        Recount();
    }

    /// <summary>A budget of so many descriptors, whatever the system grants.</summary>
    /// <param name="limit">Descriptors in all.</param>
    /// <param name="others">Those that are no connections.</param>
    public DescriptorBudget(long limit, long others = 0)
    {
        Limit = limit;
        Share(others);
    }

    /// <summary>Descriptors that the process may have.</summary>
    public long Limit { get; } = long.MaxValue;

    /// <summary>Client connections that there is room for at once.</summary>
    public long ClientLimit => Interlocked.Read(ref _clientLimit);

    /// <summary>Connections open now, on both sides.</summary>
    public long Open => Interlocked.Read(ref _open);

    /// <summary>False where only the reserves are left.</summary>
    /// <param name="clients">Client connections of the process now.</param>
    public bool MayAccept(long clients)
    {
        // Where every one counts, what the process itself has open is counted again now and then; elsewhere the reserve is good for it.
        if (_isOfSystem && Limit < TightLimit && clients % RecountEvery == 0)
        {
            Recount();
        }

        return Open < Interlocked.Read(ref _acceptLimit) && clients < Interlocked.Read(ref _clientLimit);
    }

    /// <summary>Counts anew what the process has open beside its connections.</summary>
    private void Recount()
    {
        try
        {
            Share(Math.Max(0, Directory.GetFileSystemEntries("/proc/self/fd").Length - Open));
        }
        catch (IOException)
        {
            // Not even one was left for counting.
            Share(Math.Max(0, Limit - Open));
        }
    }

    public void Take() => Interlocked.Increment(ref _open);

    public void Return() => Interlocked.Decrement(ref _open);

    // One client at least is served, however few there are.
    private void Share(long others)
    {
        var usable = Math.Max(2, Limit - others - Math.Max(Limit / 20, MinReserve));
        Interlocked.Exchange(ref _acceptLimit, usable);
        Interlocked.Exchange(ref _clientLimit, Math.Max(usable / 2, usable - MaxUpstreamReserve));
    }
}
