namespace KubeProxyNet.Proxy.Dns;

/// <summary>
/// A small file of the system that others change, read again when it has changed; looked at once a second at most, so that thousands of names
/// cost no more than one. Thread-safe.
/// </summary>
/// <param name="path">Path.</param>
/// <param name="parse">Makes of the text what is wanted.</param>
/// <param name="empty">What a file that is not there or cannot be read amounts to.</param>
/// <param name="time">Clock.</param>
internal sealed class FollowedFile<T>(string path, Func<string, T> parse, T empty, TimeProvider time)
    where T : class
{
    /// <summary>What is read of the file; more is no file of that kind.</summary>
    public const int MaxLength = 4 * 1024 * 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly T _empty = empty;
    private T _value = empty;
    private long _lookedAt;
    private bool _wasRead;
    private (DateTime Written, long Length)? _read;

    /// <summary>What the file says.</summary>
    public T Value
    {
        get
        {
            lock (_gate)
            {
                if (!_wasRead || time.GetElapsedTime(_lookedAt) >= Interval)
                {
                    Look();
                    _lookedAt = time.GetTimestamp();
                    _wasRead = true;
                }

                return _value;
            }
        }
    }

    private void Look()
    {
        try
        {
            var file = new FileInfo(path);
            (DateTime, long)? now = file.Exists ? (file.LastWriteTimeUtc, file.Length) : null;
            if (now == _read)
            {
                return;
            }

            using var reader = new StreamReader(path);
            var text = new char[(int)Math.Min(file.Length, MaxLength)];
            _value = parse(new string(text, 0, reader.ReadBlock(text)));
            _read = now;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _value = _empty;
            _read = null;
        }
    }
}
