using KubeProxyNet.Proxy.Observability.Stats;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// Writes access logs on a thread of its own. Workers queue lines through an <see cref="AccessLogChannel"/>; the thread wakes for the
/// first one, then gathers for a moment, so that busy workers neither wait nor signal.
/// </summary>
/// <remarks>
/// Counters: <c>access_log.dropped</c> (lines that found the queue full), <c>filesystem.write_completed</c>,
/// <c>filesystem.write_failed</c>, <c>filesystem.reopen_failed</c>.
/// </remarks>
public sealed partial class AccessLogWriter : IDisposable
{
    /// <summary>Room for lines of one worker that wait for one file, in bytes.</summary>
    public const int DefaultQueueSize = 512 * 1024;

    /// <summary>How long lines are gathered before they are written.</summary>
    public static readonly TimeSpan DefaultGatherTime = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, AccessLogFile> _files = new(StringComparer.Ordinal);
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly AutoResetEvent _hurry = new(initialState: false);
    private readonly ILogger _logger;
    private readonly StatPage _page;
    private readonly Counter _dropped;
    private readonly Counter _completed;
    private readonly Counter _failed;
    private readonly Counter _reopenFailed;
    private readonly int _queueSize;
    private readonly TimeSpan _gatherTime;
    private readonly Thread _thread;
    private readonly Lock _flushGate = new();

    private AccessLogFile[] _drained = [];
    private int _idle;
    private volatile bool _stopping;
    private volatile TaskCompletionSource? _flush;

    /// <summary>Starts the thread.</summary>
    /// <param name="stats">Where the counters are registered.</param>
    /// <param name="logger">Told of the first failure of a file, and again after it had recovered; null tells nobody.</param>
    /// <param name="queueSize">Bytes a worker and file; at least <see cref="AccessLogFormat.MaxLineLength"/> times two.</param>
    /// <param name="gatherTime">Null is <see cref="DefaultGatherTime"/>.</param>
    public AccessLogWriter(StatRegistry stats, ILogger? logger = null, int queueSize = DefaultQueueSize, TimeSpan? gatherTime = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(queueSize, 2 * AccessLogFormat.MaxLineLength);
        _logger = logger ?? NullLogger.Instance;
        _queueSize = queueSize;
        _gatherTime = gatherTime ?? DefaultGatherTime;
        _page = stats.CreatePage();
        _dropped = stats.Counter("access_log.dropped");
        _completed = stats.Counter("filesystem.write_completed");
        _failed = stats.Counter("filesystem.write_failed");
        _reopenFailed = stats.Counter("filesystem.reopen_failed");
        _thread = new Thread(Run) { IsBackground = true, Name = "access-log" };
        _thread.Start();
    }

    internal Lock Gate { get; } = new();

    /// <summary>
    /// The file of a path, opened for appending on first call and kept open; <c>/dev/stdout</c> and <c>/dev/stderr</c> are the process's
    /// own. Thread-safe, off the workers.
    /// </summary>
    /// <exception cref="IOException">The file cannot be opened; the message says why and what to do.</exception>
    public AccessLogFile Open(string path)
    {
        lock (Gate)
        {
            if (!_files.TryGetValue(path, out var file))
            {
                file = new AccessLogFile(this, path, AppendOnlyFile.Open(path));
                _files.Add(path, file);
                Volatile.Write(ref _drained, [.. _files.Values]);
            }

            return file;
        }
    }

    /// <summary>Opens all files anew, after a rotation has renamed them. Lines queued so far go to the new files.</summary>
    public void Reopen()
    {
        lock (Gate)
        {
            foreach (var file in _files.Values)
            {
                file.RequestReopen();
            }
        }

        _ = FlushAsync();
    }

    /// <summary>Completes when everything that was queued before the call has been handed to the operating system.</summary>
    public Task FlushAsync()
    {
        TaskCompletionSource flush;
        lock (_flushGate)
        {
            if (_stopping)
            {
                return Task.CompletedTask;
            }

            _flush ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            flush = _flush;
        }

        Hurry();
        return flush.Task;
    }

    /// <summary>Writes what is queued and stops; waits at most five seconds for a destination that accepts nothing.</summary>
    public void Dispose()
    {
        lock (_flushGate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
        }

        Hurry();
        if (!_thread.Join(LongestStop))
        {
            LogStuck(_logger, LongestStop.TotalSeconds);
            return;
        }

        foreach (var file in _drained)
        {
            file.Close();
        }

        // The events stay for the finalizer: a worker that logs at this moment may still signal them.
    }

    internal AccessLogChannel NewChannel(StatPage page) => new(this, page, _dropped, _queueSize);

    /// <summary>Called by workers after each line: a signal only where the thread sleeps.</summary>
    internal void Wake()
    {
        // The read of _idle must not move before the line's publication, or both sides could miss each other: a full fence, like the
        // thread's own between raising _idle and its last look at the queues.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _idle) != 0 && Interlocked.Exchange(ref _idle, 0) != 0)
        {
            _wake.Set();
        }
    }

    internal void Wrote() => _page.Increment(_completed);

    internal void WriteFailed(string path, string reason, bool report)
    {
        _page.Increment(_failed);
        if (report)
        {
            LogWriteFailed(_logger, path, reason);
        }
    }

    internal void ReopenFailed(string reason)
    {
        _page.Increment(_reopenFailed);
        LogReopenFailed(_logger, reason);
    }

    private void Hurry()
    {
        _hurry.Set();
        _wake.Set();
    }

    private void Run()
    {
        while (true)
        {
            var stopping = _stopping;
            TaskCompletionSource? flush;
            lock (_flushGate)
            {
                flush = _flush;
                _flush = null;
            }

            var any = DrainAll();
            flush?.SetResult();
            if (stopping)
            {
                return;
            }

            if (any)
            {
                _hurry.WaitOne(_gatherTime);
                continue;
            }

            Interlocked.Exchange(ref _idle, 1);
            if (DrainAll() || _stopping || _flush is not null)
            {
                Interlocked.Exchange(ref _idle, 0);
                continue;
            }

            _wake.WaitOne();
            Interlocked.Exchange(ref _idle, 0);
            if (!_stopping && _flush is null)
            {
                _hurry.WaitOne(_gatherTime);
            }
        }
    }

    private bool DrainAll()
    {
        var any = false;
        foreach (var file in Volatile.Read(ref _drained))
        {
            any |= file.Drain();
        }

        return any;
    }

    [LoggerMessage(1, LogLevel.Error, "writing the access log {Path} failed: {Reason}; lines are lost until it works again (filesystem.write_failed counts)")]
    private static partial void LogWriteFailed(ILogger logger, string path, string reason);

    [LoggerMessage(2, LogLevel.Error, "reopening an access log failed, the old file stays in use: {Reason}")]
    private static partial void LogReopenFailed(ILogger logger, string reason);

    [LoggerMessage(3, LogLevel.Warning, "an access log accepted nothing for {Seconds} s at shutdown; queued lines are lost")]
    private static partial void LogStuck(ILogger logger, double seconds);
}
