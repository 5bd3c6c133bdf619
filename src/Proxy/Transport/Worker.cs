using System.Collections.Concurrent;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// One thread with its own epoll instance, timers, buffers, random numbers and page of counters. Everything created on a worker stays on
/// it for life; other threads reach it only by <see cref="Post"/>. It never takes a lock and never touches the thread pool.
/// </summary>
internal sealed unsafe class Worker : IPollTarget, IDisposable
{
    /// <summary>Bytes read from a socket at once while a body streams.</summary>
    public const int ReceiveBufferSize = 512 * 1024;

    /// <summary>Room to compose a head, which is at most <see cref="BlockPool.Large"/> plus what the proxy adds.</summary>
    public const int ScratchSize = 256 * 1024;

    /// <summary>Bytes of frames that leave in one system call.</summary>
    public const int BatchSize = 128 * 1024;

    /// <summary>Events of a batch from which its steps are taken one after the other; in a checked build always, so that tests go that way.</summary>
#if KPN_CHECKED
    private const int StagedBatch = 1;
#else
    private const int StagedBatch = 4;
#endif

    /// <summary>Events of a batch from which what they touch is fetched ahead; what few connections touch is still in the caches.</summary>
    private const int PrefetchedBatch = 65;

    // Above zero, so that 0 can mean "not yet" in timestamps.
    private const long ClockBaseMs = 1000;

    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly Queue<LoopContinuation> _ready = new();
    private readonly Queue<LoopContinuation> _staged = new();
    private readonly List<ITurnEnd> _turnEnds = [];
    private readonly Action<Exception> _onBug;
    private readonly Action _advanceTimers;
    private readonly TimeProvider _time;
    private readonly int _eventFd;
    private readonly Thread _thread;
    private readonly long _origin;
    private long _wallOriginTicks;
    private long _wallOriginMs;
    private volatile bool _stopping;
    private int _wakePending;
    private bool _hasStages;

    /// <summary>Makes a worker; <see cref="Start"/> runs it.</summary>
    /// <param name="index">0 to concurrency - 1; names the thread and indexes per-worker state.</param>
    /// <param name="stats">This worker's page.</param>
    /// <param name="time">Clock.</param>
    /// <param name="seed">Seed of the random numbers.</param>
    /// <param name="descriptors">What the process may open.</param>
    /// <param name="onBug">Told of an exception that reached the loop: always a bug of ours. The worker goes on.</param>
    /// <param name="memory">What the process may take; null for as much as there is.</param>
    public Worker(int index, StatPage stats, TimeProvider time, ulong seed, DescriptorBudget descriptors, Action<Exception> onBug, MemoryAllowance? memory = null)
    {
        Memory = memory ?? new MemoryAllowance();
        Index = index;
        Stats = stats;
        Descriptors = descriptors;
        Pipe = new SplicePipe(descriptors);
        Random = new WorkerRandom(seed);
        _time = time;
        _onBug = onBug;
        _advanceTimers = () => Timers!.Advance(NowMs);
        _origin = time.GetTimestamp();
        NowMs = ClockBaseMs;
        SyncWallClock();
        Timers = new TimerWheel(NowMs);
        Spares = new SparePools(this);
        Blocks = new BlockPool(Spares.OnRaised, Memory);
        Spares.Add(Blocks);
        _eventFd = Native.EventFd(0, Native.EventFdNonBlock | Native.EventFdCloseOnExec);
        Poller.Add(_eventFd, Native.EpollIn | Native.EpollEdge, this);
        _thread = new Thread(Run) { Name = $"worker-{index}", IsBackground = true };
    }

    public int Index { get; }

    public StatPage Stats { get; }

    /// <summary>Shared by all workers.</summary>
    public DescriptorBudget Descriptors { get; }

    /// <inheritdoc cref="Descriptors"/>
    public MemoryAllowance Memory { get; }

    public WorkerRandom Random { get; }

    public Poller Poller { get; } = new();

    public BlockPool Blocks { get; }

    /// <summary>The pools of the worker.</summary>
    public SparePools Spares { get; }

    public TimerWheel Timers { get; }

    /// <summary>Milliseconds since the worker was made, read once a turn of the loop.</summary>
    public long NowMs { get; private set; }

    /// <summary>A timestamp of the clock, on the scale of <see cref="NowMs"/>.</summary>
    public long MsOf(long timestamp) => ClockBaseMs + (long)_time.GetElapsedTime(_origin, timestamp).TotalMilliseconds;

    /// <summary>Wall clock, UTC ticks of 100 ns, as of <see cref="NowMs"/>.</summary>
    public long WallClockTicks => _wallOriginTicks + ((NowMs - _wallOriginMs) * TimeSpan.TicksPerMillisecond);

    /// <summary>Most bytes to read at once for somebody of whom nothing says that he will take them: less while memory is scarce.</summary>
    public int ReadLimit => Memory.IsScarce ? BlockPool.Medium : LoopStream.HighWaterMark;

    /// <summary>Where sockets are read into; valid until the next suspension.</summary>
    public byte[] ReceiveBuffer { get; } = GC.AllocateUninitializedArray<byte>(ReceiveBufferSize, pinned: true);

    /// <summary>Where heads are composed; valid until the next suspension.</summary>
    public byte[] Scratch { get; } = GC.AllocateUninitializedArray<byte>(ScratchSize, pinned: true);

    /// <summary>
    /// Where a head is composed; valid until the next suspension. Where it is sent as it is, that is where it waits for the end of the turn, and it is valid until anything is sent.
    /// </summary>
    /// <param name="isTranslated">True where frames are made of it, which may be sent, and others' before them, while it is still read.</param>
    public Span<byte> DraftFor(bool isTranslated) => isTranslated ? Scratch : Output.Draft;

    /// <summary>
    /// Where connections that carry several exchanges are read into: an exchange may begin, and read its own connections, while what came with its request is
    /// still to be worked through.
    /// </summary>
    public byte[] FrameBuffer => field ??= GC.AllocateUninitializedArray<byte>(LoopStream.HighWaterMark, pinned: true);

    /// <summary>Whose frames stand in <see cref="BatchMemory"/>; null for nobody's.</summary>
    public IFrameBatch? FrameBatch { get; set; }

    /// <summary>Where frames are gathered until the turn ends, or <see cref="FrameBatch"/> becomes another.</summary>
    public byte[] BatchMemory => field ??= GC.AllocateUninitializedArray<byte>(BatchSize, pinned: true);

    /// <summary>Where frames are put together; valid until the next suspension.</summary>
    public byte[] FrameScratch => field ??= GC.AllocateUninitializedArray<byte>(ScratchSize, pinned: true);

    /// <summary>What large bodies go through.</summary>
    public SplicePipe Pipe { get; }

    /// <summary>What connections have received in this turn of the loop.</summary>
    public TurnInput Input { get; } = new();

    /// <summary>What connections send in this turn of the loop.</summary>
    public TurnOutput Output { get; } = new();

    /// <summary>What secure layers send; made when one first does.</summary>
    public SealedOutput Sealed => field ??= new SealedOutput();

    /// <summary>Says which handshakes go on in this turn of the loop.</summary>
    public HandshakeTurns Handshakes => field ??= new HandshakeTurns(this);

    /// <summary>Connections accepted so far; numbers them.</summary>
    public int ConnectionCount { get; set; }

    /// <summary>Starts the thread.</summary>
    public void Start() => _thread.Start();

    /// <summary>Runs an action on the worker's thread soon. Safe from any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        if (Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            ulong one = 1;
            _ = Native.Write(_eventFd, (byte*)&one, sizeof(ulong));
        }
    }

    /// <summary>Runs a continuation on the next turn; for use on the worker itself.</summary>
    public void Enqueue(LoopContinuation continuation) => _ready.Enqueue(continuation);

    /// <summary>Has something send what it gathers once this turn ends. Each asks once a turn.</summary>
    public void AtTurnEnd(ITurnEnd sender) => _turnEnds.Add(sender);

    /// <summary>
    /// Lets what else is in the batch come as far as this: the code of the next step then runs for one after the other, and is in the processor's nearest cache for all but
    /// the first (cohort scheduling). It goes on in the same turn; where little is ready, at once.
    /// </summary>
    public StageAwaitable NextStage() => new(this);

    /// <summary>Lets everything else that is ready have its turn first.</summary>
    public TurnAwaitable NextTurn() => new(this);

    /// <summary>Arms a timer this many milliseconds from now.</summary>
    public void SetTimer(DeadlineTimer timer, long delayMs) => Timers.Set(timer, NowMs + delayMs);

    /// <summary>Ends the loop and waits for the thread. Others may still post, to no effect.</summary>
    public void Stop()
    {
        _stopping = true;
        Post(static () => { });
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    /// <summary>Ends the loop as <see cref="Stop"/> does. Whatever the worker still held is dropped with it, and nobody may post any more.</summary>
    public void Dispose()
    {
        Stop();
        Poller.Dispose();
        Pipe.Dispose();
        _ = Native.Close(_eventFd);
    }

    void IPollTarget.OnEvents(uint events)
    {
        ulong count;
        _ = Native.Read(_eventFd, (byte*)&count, sizeof(ulong));
        Volatile.Write(ref _wakePending, 0);
        Interlocked.MemoryBarrier();
        while (_posted.TryDequeue(out var action))
        {
            Guard(action);
        }
    }

    private void Run()
    {
        while (!_stopping)
        {
            var timeout = _ready.Count > 0 ? 0 : Timers.NextTimeoutMs(NowMs);
            var count = Poller.Wait(timeout);
            UpdateClock();

            DispatchBatch(count);
            Guard(_advanceTimers);

            for (var n = _ready.Count; n > 0; n--)
            {
                Resume(_ready.Dequeue());
            }

            EndTurn();
            Output.Flush();
            Handshakes.Renew();
        }
    }

    /// <summary>Serves the events step by step: first all are read, then all heads are judged, then all requests go on their way.</summary>
    private void DispatchBatch(int count)
    {
        _hasStages = count >= StagedBatch;
        for (var i = 0; i < count && _hasStages; i++)
        {
            Poller.ReceiveAhead(i);
        }

        for (var i = 0; i < count; i++)
        {
            if (count >= PrefetchedBatch)
            {
                Poller.PrefetchBehind(i, count);
            }

            Dispatch(i);
        }

        Input.End();
        while (_staged.TryDequeue(out var continuation))
        {
            Resume(continuation);
        }

        _hasStages = false;
    }

    private void EndTurn()
    {
        for (var i = 0; i < _turnEnds.Count; i++)
        {
            try
            {
                _turnEnds[i].OnTurnEnd();
            }
            catch (Exception bug)
            {
                _onBug(bug);
            }
        }

        _turnEnds.Clear();
    }

    private void Dispatch(int index)
    {
        // Guarded one by one: events are edge-triggered, so one that a bug swallowed would never come again.
        try
        {
            Poller.Dispatch(index);
        }
        catch (Exception bug)
        {
            _onBug(bug);
        }
    }

    private void Resume(LoopContinuation continuation)
    {
        try
        {
            continuation.Resume();
        }
        catch (Exception bug)
        {
            _onBug(bug);
        }
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception bug)
        {
            _onBug(bug);
        }
    }

    private void UpdateClock()
    {
        NowMs = ClockBaseMs + (long)_time.GetElapsedTime(_origin).TotalMilliseconds;
        if (NowMs - _wallOriginMs > 1000)
        {
            SyncWallClock();
        }
    }

    private void SyncWallClock()
    {
        _wallOriginTicks = _time.GetUtcNow().Ticks;
        _wallOriginMs = NowMs;
    }

    /// <summary>Awaits the batch's next step.</summary>
    public readonly struct StageAwaitable(Worker worker) : ILoopAwaiter
    {
        public bool IsCompleted => !worker._hasStages;

        public StageAwaitable GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(LoopContinuation continuation) => worker._staged.Enqueue(continuation);
    }

    /// <summary>Awaits the loop's next turn.</summary>
    public readonly struct TurnAwaitable(Worker worker) : ILoopAwaiter
    {
        public bool IsCompleted => false;

        public TurnAwaitable GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(LoopContinuation continuation) => worker.Enqueue(continuation);
    }
}
