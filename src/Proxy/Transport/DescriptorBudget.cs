namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Counts the process's sockets against its limit of descriptors. The last twentieth is kept for connections to upstreams, files and the
/// admin page: accepting pauses before it is touched, so that what was accepted can be served.
/// </summary>
internal sealed unsafe class DescriptorBudget
{
    private const int NoFile = 7;
    private readonly long _acceptLimit;
    private long _open;

    /// <summary>Raises the soft limit to the hard one, and reckons with it.</summary>
    public DescriptorBudget()
    {
        Native.ResourceLimit limit;
        if (Native.GetResourceLimit(NoFile, &limit) < 0)
        {
            _acceptLimit = long.MaxValue;
            return;
        }

        var raised = new Native.ResourceLimit { Soft = limit.Hard, Hard = limit.Hard };
        if (limit.Soft != limit.Hard && Native.SetResourceLimit(NoFile, &raised) == 0)
        {
            limit = raised;
        }

        Limit = (long)Math.Min(limit.Soft, long.MaxValue);
        _acceptLimit = Limit - (Limit / 20);
    }

    /// <summary>A budget of so many descriptors, whatever the system grants.</summary>
    public DescriptorBudget(long limit)
    {
        Limit = limit;
        _acceptLimit = limit - (limit / 20);
    }

    /// <summary>Descriptors that the process may have.</summary>
    public long Limit { get; } = long.MaxValue;

    /// <summary>Connections open now, on both sides.</summary>
    public long Open => Interlocked.Read(ref _open);

    /// <summary>False where only the reserve is left.</summary>
    public bool MayAccept => Open < _acceptLimit;

    public void Take() => Interlocked.Increment(ref _open);

    public void Return() => Interlocked.Decrement(ref _open);
}
