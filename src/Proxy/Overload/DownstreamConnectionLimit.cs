namespace KubeProxyNet.Proxy.Overload;

/// <summary>Counts connections over all workers against a limit, which may change.</summary>
internal sealed class DownstreamConnectionLimit
{
    private long _open;
    private long _limit;

    /// <summary>Connections now.</summary>
    public long Open => Interlocked.Read(ref _open);

    /// <summary>Most at a time; 0 for no limit, less for none at all.</summary>
    public long Limit
    {
        get => Interlocked.Read(ref _limit);
        set => Interlocked.Exchange(ref _limit, value);
    }

    /// <summary>Takes a place; false where none is left.</summary>
    /// <param name="ignoreLimit">True to be counted only.</param>
    public bool TryTake(bool ignoreLimit = false)
    {
        var open = Interlocked.Increment(ref _open);
        if (Limit is var limit && (limit == 0 || open <= limit || ignoreLimit))
        {
            return true;
        }

        Interlocked.Decrement(ref _open);
        return false;
    }

    /// <summary>Gives a place back.</summary>
    public void Return() => Interlocked.Decrement(ref _open);
}
