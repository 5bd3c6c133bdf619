namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// How much new memory the pools of all workers may take until somebody looks at the process's memory again. It is counted where a block is made, so that clients who let output pile up
/// are noticed at once, however fast it comes: whoever takes what is not allowed has memory be scarce from that moment, and a look is asked for. While it is scarce little is read that cannot go on
/// (<see cref="Worker.ReadLimit"/>, <see cref="LoopStream.IsCongested"/>).
/// </summary>
internal sealed class MemoryAllowance
{
    private long _left = long.MaxValue;
    private volatile bool _isScarce;

    /// <summary>True while nothing should be held that can be left to wait where it is.</summary>
    public bool IsScarce => _isScarce;

    /// <summary>Told once when the allowance is used up, on the thread that took the last of it: it has to be quick.</summary>
    public Action? UsedUp { get; set; }

    /// <summary>New memory is taken.</summary>
    public void Take(int bytes)
    {
        if (Interlocked.Add(ref _left, -bytes) < 0 && !_isScarce)
        {
            _isScarce = true;
            UsedUp?.Invoke();
        }
    }

    /// <summary>Somebody has looked: so many bytes more may be taken; none for scarcity.</summary>
    public void Renew(long bytes)
    {
        Volatile.Write(ref _left, bytes);
        _isScarce = bytes <= 0;
    }
}
