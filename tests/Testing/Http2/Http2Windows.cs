namespace KubeProxyNet.Testing.Http2;

/// <summary>The windows of one direction (RFC 9113 section 5.2): what may still be sent on the connection and on each stream.</summary>
internal sealed class Http2Windows
{
    /// <summary>Section 6.9.2.</summary>
    public const int Default = 65_535;

    private readonly Dictionary<int, long> _streams = [];
    private readonly Lock _gate = new();
    private long _initial = Default;
    private long _connection = Default;
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when a window grows after this was read.</summary>
    public Task Grown
    {
        get
        {
            lock (_gate)
            {
                return _grown.Task;
            }
        }
    }

    /// <summary>What may be sent on a stream now; less than nothing after a setting that took away.</summary>
    public long Of(int streamId)
    {
        lock (_gate)
        {
            return Math.Min(_connection, Stream(streamId));
        }
    }

    /// <summary>What the connection's window has left.</summary>
    public long Connection
    {
        get
        {
            lock (_gate)
            {
                return _connection;
            }
        }
    }

    /// <summary>Takes at most so many bytes; 0 where nothing may be sent.</summary>
    public int TakeUpTo(int streamId, int count)
    {
        lock (_gate)
        {
            var taken = (int)Math.Max(0, Math.Min(count, Math.Min(_connection, Stream(streamId))));
            _connection -= taken;
            _streams[streamId] = Stream(streamId) - taken;
            return taken;
        }
    }

    /// <summary>Takes what has been sent; false where that was more than there is.</summary>
    public bool TryTake(int streamId, int count)
    {
        lock (_gate)
        {
            _connection -= count;
            _streams[streamId] = Stream(streamId) - count;
            return count == 0 || (_connection >= 0 && _streams[streamId] >= 0);
        }
    }

    /// <summary>Adds to a window.</summary>
    /// <param name="streamId">0 for the connection.</param>
    /// <param name="count">Bytes.</param>
    public void Give(int streamId, long count)
    {
        lock (_gate)
        {
            if (streamId == 0)
            {
                _connection += count;
            }
            else
            {
                _streams[streamId] = Stream(streamId) + count;
            }

            _grown.TrySetResult();
            _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>A new SETTINGS_INITIAL_WINDOW_SIZE changes the windows of all streams, and not that of the connection.</summary>
    public void SetInitial(long initial)
    {
        lock (_gate)
        {
            foreach (var streamId in _streams.Keys)
            {
                _streams[streamId] += initial - _initial;
            }

            _initial = initial;
            _grown.TrySetResult();
            _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private long Stream(int streamId) => _streams.TryGetValue(streamId, out var window) ? window : _initial;
}
