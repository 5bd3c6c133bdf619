namespace KubeProxyNet.Proxy.Transport;

/// <summary>A descriptor's owner, told of its readiness.</summary>
internal interface IPollTarget : IPrefetched
{
    /// <summary>Called on the worker with the EPOLL* bits that are set.</summary>
    void OnEvents(uint events);

    /// <summary>Called with the same bits before any of the batch is told of its events: reads what is there, and tells nobody (<see cref="TurnInput"/>).</summary>
    void ReceiveAhead(uint events)
    {
    }
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

    private const int Orders = 3;

    /// <summary>Events between two steps of fetching: memory has answered by then, and the caches still hold it.</summary>
    private const int EventsAStep = 2;

    private readonly int _epoll;
    private readonly Native.EpollEvent[] _events = GC.AllocateArray<Native.EpollEvent>(Batch, pinned: true);
    private readonly ushort[] _arranged = new ushort[Batch];
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
        entry.Order = DispatchOrder.Rest;
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

    /// <summary>Says where the target's events stand among those of their batch, from the next batch on.</summary>
    public void SetOrder(PollHandle handle, DispatchOrder order)
    {
        Check(handle);
        _entries[handle.Slot].Order = order;
    }

    /// <summary>Forgets a target. Closing the descriptor takes it out of the kernel's set.</summary>
    public void Forget(PollHandle handle)
    {
        Check(handle);
        ref var entry = ref _entries[handle.Slot];
        entry.Target = null;
        entry.Generation++;
        entry.NextFree = _free;
        _free = handle.Slot;
    }

    /// <summary>
    /// Waits for events and returns their number (-1 on a signal), arranged by their targets' <see cref="DispatchOrder"/>; returns at once where
    /// <paramref name="timeoutMs"/> is 0, never gives up where it is -1.
    /// </summary>
    public int Wait(int timeoutMs)
    {
        int count;
        fixed (Native.EpollEvent* events = _events)
        {
            count = Native.EpollWait(_epoll, events, Batch, timeoutMs);
        }

        Arrange(count);
        return count;
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

    /// <summary>Has the target of one of the events read what is there (<see cref="IPollTarget.ReceiveAhead"/>).</summary>
    public void ReceiveAhead(int index)
    {
        ref readonly var one = ref _events[_arranged[index]];
        ref var entry = ref _entries[(int)(uint)one.Data];
        if (entry.Generation == (uint)(one.Data >> 32))
        {
            entry.Target?.ReceiveAhead(one.Events);
        }
    }

    /// <summary>Dispatches one of the events that the last <see cref="Wait"/> returned.</summary>
    public void Dispatch(int index)
    {
        ref readonly var one = ref _events[_arranged[index]];
        ref var entry = ref _entries[(int)(uint)one.Data];
        if (entry.Generation == (uint)(one.Data >> 32))
        {
            entry.Target?.OnEvents(one.Events);
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

    private IPollTarget? TargetOf(int index) => _entries[(int)(uint)_events[_arranged[index]].Data].Target;

    private void Arrange(int count)
    {
        Span<int> next = stackalloc int[Orders];
        next.Clear();
        for (var i = 0; i < count; i++)
        {
            next[(int)OrderOf(i)]++;
        }

        var place = 0;
        foreach (ref var start in next)
        {
            (start, place) = (place, place + start);
        }

        for (var i = 0; i < count; i++)
        {
            _arranged[next[(int)OrderOf(i)]++] = (ushort)i;
        }
    }

    private DispatchOrder OrderOf(int index) => _entries[(int)(uint)_events[index].Data].Order;

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
        public DispatchOrder Order;
    }
}
