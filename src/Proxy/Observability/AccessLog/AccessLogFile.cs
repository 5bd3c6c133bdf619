namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A destination of access logs: a file, or the process's standard output or error. Made by <see cref="AccessLogWriter.Open"/>.</summary>
public sealed class AccessLogFile
{
    private readonly AccessLogWriter _writer;
    private AccessLogChannel[] _channels = [];
    private AppendOnlyFile _file;
    private volatile bool _reopen;

    // Of the writer's thread: true after a failure that was reported, until a write succeeds again.
    private bool _failing;

    internal AccessLogFile(AccessLogWriter writer, string path, AppendOnlyFile file)
    {
        _writer = writer;
        Path = path;
        _file = file;
    }

    /// <summary>As configured.</summary>
    public string Path { get; }

    /// <summary>
    /// The channel of one worker, known by its own <paramref name="page"/> of statistics, where dropped lines are counted. The same page
    /// gets the same channel, so an update of the configuration that asks again costs nothing.
    /// </summary>
    public AccessLogChannel CreateChannel(Stats.StatPage page)
    {
        lock (_writer.Gate)
        {
            if (Array.Find(_channels, known => known.Page == page) is { } existing)
            {
                return existing;
            }

            var channel = _writer.NewChannel(page);

            // Copied, so that the writer's thread goes through its own array without the lock.
            Volatile.Write(ref _channels, [.. _channels, channel]);
            return channel;
        }
    }

    internal void RequestReopen() => _reopen = true;

    /// <summary>Writes all that waits. Returns whether there was anything.</summary>
    internal bool Drain()
    {
        if (_reopen)
        {
            _reopen = false;
            Reopen();
        }

        var any = false;
        foreach (var channel in Volatile.Read(ref _channels))
        {
            if (channel.Ring is not { } ring)
            {
                continue;
            }

            // The piece at the end of the buffer and the one at its front; no more, so that a busy worker does not starve the others.
            for (var piece = 0; piece < 2; piece++)
            {
                var bytes = ring.Peek();
                if (bytes.IsEmpty)
                {
                    break;
                }

                any = true;
                Report(_file.Write(bytes));
                ring.Release(bytes.Length);
            }
        }

        return any;
    }

    internal void Close() => _file.Dispose();

    private void Reopen()
    {
        try
        {
            var fresh = AppendOnlyFile.Open(Path);
            _file.Dispose();
            _file = fresh;
        }
        catch (IOException exception)
        {
            _writer.ReopenFailed(exception.Message);
        }
    }

    private void Report(string? failure)
    {
        if (failure is null)
        {
            _failing = false;
            _writer.Wrote();
            return;
        }

        _writer.WriteFailed(Path, failure, report: !_failing);
        _failing = true;
    }
}
