namespace KubeProxyNet.Proxy.Transport;

/// <summary>How a wait on a stream ended.</summary>
internal enum WaitResult : byte
{
    /// <summary>The stream is ready, or at its end: try the call again.</summary>
    Ready,

    /// <summary>The owner called <see cref="LoopStream.Interrupt"/>.</summary>
    Interrupted,
}

/// <summary>
/// A stream of bytes in both directions on one worker: a socket, or one of the streams that share it. This is what can be awaited of it, one waiter for each
/// direction, and its deadline; how bytes get in and out is each kind's own.
/// </summary>
internal abstract class LoopStream : ITimerOwner
{
    /// <summary>Queued output in bytes above which producers should wait.</summary>
    public const int HighWaterMark = 256 * 1024;

    /// <summary>Queued output in bytes at which they go on.</summary>
    protected const int LowWaterMark = 64 * 1024;

    private WaitResult _readResult;
    private WaitResult _writeResult;
    private LoopContinuation? _reader;
    private LoopContinuation? _writer;
    private OutputWait _awaited;

    /// <summary>Makes a stream of a worker, which owns it for life.</summary>
    protected LoopStream(Worker worker)
    {
        Worker = worker;
        Timer = new DeadlineTimer(this);
    }

    /// <summary>What a producer waits for.</summary>
    internal enum OutputWait : byte
    {
        /// <summary>A connect has finished.</summary>
        Connect,

        /// <summary>Queued output has fallen to <see cref="LowWaterMark"/>, or while memory is scarce to nothing.</summary>
        Low,

        /// <summary>Nothing is queued any more.</summary>
        None,
    }

    /// <summary>The worker that owns it.</summary>
    public Worker Worker { get; }

    /// <summary>Its deadline.</summary>
    public DeadlineTimer Timer { get; }

    /// <summary>errno of what broke the stream; 0 while it is sound.</summary>
    public int Error { get; protected set; }

    /// <summary>The peer broke the stream off, or it broke otherwise.</summary>
    public bool IsReset { get; protected set; }

    /// <summary>Bytes received and sent over its life.</summary>
    public long BytesReceived { get; protected set; }

    /// <inheritdoc cref="BytesReceived"/>
    public long BytesSent { get; protected set; }

    /// <summary>True once closed; nothing but the properties may be used then.</summary>
    public abstract bool IsClosed { get; }

    /// <summary>True where reading may find bytes or the end.</summary>
    public abstract bool IsReadable { get; }

    /// <summary>Bytes that were sent and are still here.</summary>
    public abstract int PendingOutput { get; }

    /// <summary>True where so much waits that whoever sends should await <see cref="Drained"/> first; while memory is scarce, anything that the peer has not taken.</summary>
    public virtual bool IsCongested => PendingOutput is var pending and > 0 && (pending > HighWaterMark || (Worker.Memory.IsScarce && !IsOver(OutputWait.Low)));

    /// <summary>Waits until reading is worth another try.</summary>
    public ReadAwaitable Readable() => new(this);

    /// <summary>Waits until the queued output has fallen to the low-water mark, or the stream broke.</summary>
    public WriteAwaitable Drained() => new(this, OutputWait.Low);

    /// <summary>Waits until all queued output has been taken, or the stream broke.</summary>
    public abstract LoopTask<WaitResult> FlushedAsync();

    /// <summary>Ends our direction after what was sent so far, also after what is queued.</summary>
    public abstract void ShutdownWrite();

    /// <summary>Arms the deadline this many milliseconds from now, in place of any earlier one.</summary>
    public void SetDeadline(long delayMs) => Worker.Timers.Set(Timer, Worker.NowMs + delayMs);

    /// <summary>Disarms the deadline.</summary>
    public void ClearDeadline() => Worker.Timers.Clear(Timer);

    /// <summary>Ends whatever waits on this stream, on the next turn of the loop. Without a waiter it does nothing.</summary>
    public void Interrupt()
    {
        EnqueueReader(WaitResult.Interrupted);
        if (_writer is { } writer)
        {
            _writer = null;
            _writeResult = WaitResult.Interrupted;
            Worker.Enqueue(writer);
        }
    }

    void ITimerOwner.OnDeadline(DeadlineTimer timer) => OnDeadline();

    /// <summary>The deadline has passed; it is no longer armed.</summary>
    protected abstract void OnDeadline();

    /// <summary>True where a producer need not wait (any longer).</summary>
    protected abstract bool IsOver(OutputWait wait);

    /// <summary>A wait for output, for streams that need others than <see cref="Drained"/>.</summary>
    protected WriteAwaitable Written(OutputWait wait) => new(this, wait);

    /// <summary>True where somebody waits for input.</summary>
    protected bool IsAwaited => _reader is not null;

    /// <summary>Has who waits for input fetched into the caches.</summary>
    protected void PrefetchReader(int step)
    {
        if (step == 0)
        {
            CacheLines.Prefetch(_reader, lines: 4);
        }
        else
        {
            _reader?.Prefetch(step);
        }
    }

    /// <summary>Resumes at once who waits for input. False where nobody does.</summary>
    protected bool ResumeReader()
    {
        if (_reader is not { } reader)
        {
            return false;
        }

        _reader = null;
        _readResult = WaitResult.Ready;
        reader.Resume();
        return true;
    }

    /// <summary>Resumes on the next turn who waits for input. False where nobody does.</summary>
    protected bool EnqueueReader(WaitResult result = WaitResult.Ready)
    {
        if (_reader is not { } reader)
        {
            return false;
        }

        _reader = null;
        _readResult = result;
        Worker.Enqueue(reader);
        return true;
    }

    /// <summary>Resumes at once who waits for room, if his wait is over.</summary>
    protected void ResumeWriter()
    {
        if (_writer is { } writer && (IsClosed || Error != 0 || IsOver(_awaited)))
        {
            _writer = null;
            _writeResult = WaitResult.Ready;
            writer.Resume();
        }
    }

    /// <summary>Resumes on the next turn who waits for room, if his wait is over.</summary>
    protected void EnqueueWriter()
    {
        if (_writer is { } writer && (IsClosed || Error != 0 || IsOver(_awaited)))
        {
            _writer = null;
            _writeResult = WaitResult.Ready;
            Worker.Enqueue(writer);
        }
    }

    /// <summary>Awaits input.</summary>
    public readonly struct ReadAwaitable(LoopStream stream) : ILoopAwaiter
    {
        public bool IsCompleted
        {
            get
            {
                if (!stream.IsReadable && !stream.IsClosed)
                {
                    return false;
                }

                stream._readResult = stream.IsClosed ? WaitResult.Interrupted : WaitResult.Ready;
                return true;
            }
        }

        public ReadAwaitable GetAwaiter() => this;

        public WaitResult GetResult() => stream._readResult;

        public void OnCompleted(LoopContinuation continuation) => stream._reader = continuation;
    }

    /// <summary>Awaits room for output, or the end of a connect.</summary>
    public readonly struct WriteAwaitable : ILoopAwaiter
    {
        private readonly LoopStream _stream;
        private readonly OutputWait _wait;

        internal WriteAwaitable(LoopStream stream, OutputWait wait) => (_stream, _wait) = (stream, wait);

        public bool IsCompleted
        {
            get
            {
                var done = _stream.IsClosed || _stream.Error != 0 || _stream.IsOver(_wait);
                if (done)
                {
                    _stream._writeResult = _stream.IsClosed ? WaitResult.Interrupted : WaitResult.Ready;
                }

                return done;
            }
        }

        public WriteAwaitable GetAwaiter() => this;

        public WaitResult GetResult() => _stream._writeResult;

        public void OnCompleted(LoopContinuation continuation)
        {
            _stream._writer = continuation;
            _stream._awaited = _wait;
        }
    }
}
