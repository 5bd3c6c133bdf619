namespace KubeProxyNet.Proxy.Upstream.CircuitBreaking;

/// <summary>The connections to one endpoint over all workers and priorities, which have limits of their own for it (<c>per_host_thresholds</c>).</summary>
internal sealed class ConnectionCount
{
    private long _open;

    /// <summary>Takes one where fewer than <paramref name="max"/> are taken; null for no limit.</summary>
    public bool TryTake(long? max)
    {
        if (Interlocked.Increment(ref _open) <= (max ?? long.MaxValue))
        {
            return true;
        }

        Return();
        return false;
    }

    /// <summary>Takes one, whatever is taken.</summary>
    public void Take() => Interlocked.Increment(ref _open);

    /// <summary>Gives one back.</summary>
    public void Return() => Interlocked.Decrement(ref _open);
}
