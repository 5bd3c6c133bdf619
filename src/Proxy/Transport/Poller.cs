namespace KubeProxyNet.Proxy.Transport;

/// <summary>A descriptor's owner, told of its readiness.</summary>
internal interface IPollTarget : IPrefetched
{
    /// <summary>Called on the worker with the EPOLL* bits that are set.</summary>
    void OnEvents(uint events);
}

/// <summary>Where a target stands in the poller's table; carries a generation, so that a late event never reaches a successor.</summary>
internal readonly record struct PollHandle(int Slot, uint Generation);

/// <summary>
/// One epoll instance. Descriptors are registered once for life. This is the transport's only contact with the readiness API: another
/// back-end replaces this class and <see cref="Connection"/>'s two system calls. The event layout is that of x86-64 and is checked at start.
/// </summary>
internal sealed unsafe class Poller : IDisposable
{
    private const int Batch = 512;

    /// <summary>Events between two steps of fetching: memory has answered by then, and the caches still hold it.</summary>
    private const int EventsAStep = 2;

    private readonly int _epoll;
    private readonly Native.EpollEvent[] _events = GC.AllocateArray<Native.EpollEvent>(Batch, pinned: true);
    private Entry[] _entries = new Entry[256];
    private int _free = -1;
    private int _used;

    public Poller()
    {
        if (System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
        {
            throw new PlatformNotSupportedException("The epoll transport runs on Linux x86-64; other architectures lay out epoll_event differently.");
        }

        _epoll = Native.EpollCreate(Native.EpollCloseOnExec);
        if (_epoll < 0)
        {
            throw new InvalidOperationException($"epoll_create1 failed with errno {Native.Errno}.");
        }
    }

    /// <summary>Registers a descriptor for the given EPOLL* bits.</summary>
    public PollHandle Add(int descriptor, uint interest, IPollTarget target)
    {
        var slot = Allocate();
        ref var entry = ref _entries[slot];
        entry.Target = target;
        var handle = new PollHandle(slot, entry.Generation);
        Control(Native.EpollAdd, descriptor, interest, handle);
        return handle;
    }

    /// <summary>Changes what a level-triggered descriptor waits for.</summary>
    public void Modify(int descriptor, uint interest, PollHandle handle)
    {
        Check(handle);
        Control(Native.EpollModify, descriptor, interest, handle);
    }

    /// <summary>
    /// Says whether the target's events come before all others of their batch (<see cref="DispatchUrgent"/>): for one whose news must be known
    /// before anything else of the batch may use it.
    /// </summary>
    public void SetUrgent(PollHandle handle, bool isUrgent)
    {
        Check(handle);
        _entries[handle.Slot].IsUrgent = isUrgent;
    }

    /// <summary>Forgets a target. Closing the descriptor takes it out of the kernel's set.</summary>
    public void Forget(PollHandle handle)
    {
        Check(handle);
        ref var entry = ref _entries[handle.Slot];
        entry.Target = null;
        entry.IsUrgent = false;
        entry.Generation++;
        entry.NextFree = _free;
        _free = handle.Slot;
    }

    /// <summary>Waits for events and returns their number (-1 on a signal); returns at once where <paramref name="timeoutMs"/> is 0, never gives up where it is -1.</summary>
    public int Wait(int timeoutMs)
    {
        fixed (Native.EpollEvent* events = _events)
        {
            return Native.EpollWait(_epoll, events, Batch, timeoutMs);
        }
    }

    /// <summary>Dispatches one of the events that the last <see cref="Wait"/> returned, if its target is urgent; <see cref="Dispatch"/> skips it then.</summary>
    public void DispatchUrgent(int index)
    {
        var data = _events[index].Data;
        ref var entry = ref _entries[(int)(uint)data];
        if (entry.IsUrgent && entry.Generation == (uint)(data >> 32))
        {
            var events = _events[index].Events;
            _events[index].Events = 0;
            entry.Target?.OnEvents(events);
        }
    }

    /// <summary>Has what the events behind one will touch fetched into the caches (<see cref="IPrefetched"/>).</summary>
    /// <param name="index">The event about to be dispatched.</param>
    /// <param name="count">Number of events.</param>
    public void PrefetchBehind(int index, int count)
    {
        var ahead = index + ((IPrefetched.Steps + 1) * EventsAStep);
        if (ahead < count)
        {
            CacheLines.Prefetch(TargetOf(ahead), lines: 4);
        }

        for (var step = 0; step < IPrefetched.Steps; step++)
        {
            ahead -= EventsAStep;
            if (ahead < count)
            {
                TargetOf(ahead)?.Prefetch(step);
            }
        }
    }

    /// <summary>Dispatches one of the events that the last <see cref="Wait"/> returned.</summary>
    public void Dispatch(int index)
    {
        var data = _events[index].Data;
        ref var entry = ref _entries[(int)(uint)data];
        if (entry.Generation == (uint)(data >> 32) && _events[index].Events != 0)
        {
            entry.Target?.OnEvents(_events[index].Events);
        }
    }

    public void Dispose() => _ = Native.Close(_epoll);

    private void Control(int operation, int descriptor, uint interest, PollHandle handle)
    {
        var change = new Native.EpollEvent { Events = interest, Data = ((ulong)handle.Generation << 32) | (uint)handle.Slot };
        if (Native.EpollControl(_epoll, operation, descriptor, &change) < 0)
        {
            throw new InvalidOperationException($"epoll_ctl failed with errno {Native.Errno}.");
        }
    }

    [System.Diagnostics.Conditional("KPN_CHECKED")]
    private void Check(PollHandle handle)
    {
        if (_entries[handle.Slot].Generation != handle.Generation)
        {
            throw new InvalidOperationException("A slot was used after it had been given up.");
        }
    }

    private IPollTarget? TargetOf(int index) => _entries[(int)(uint)_events[index].Data].Target;

    private int Allocate()
    {
        if (_free >= 0)
        {
            var slot = _free;
            _free = _entries[slot].NextFree;
            return slot;
        }

        if (_used == _entries.Length)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
        }

        return _used++;
    }

    private struct Entry
    {
        public IPollTarget? Target;
        public uint Generation;
        public int NextFree;
        public bool IsUrgent;
    }
}
