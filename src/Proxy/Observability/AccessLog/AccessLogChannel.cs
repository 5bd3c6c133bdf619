using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// One worker's way into one <see cref="AccessLogFile"/>. Belongs to the worker's thread. Logging never waits, never throws and allocates
/// nothing (but for the buffer, at the first line): where the file cannot keep up, the line is dropped and counted.
/// </summary>
public sealed class AccessLogChannel
{
    private readonly AccessLogWriter _writer;
    private readonly Counter _dropped;
    private readonly int _capacity;
    private LineRing? _ring;

    internal AccessLogChannel(AccessLogWriter writer, StatPage page, Counter dropped, int capacity)
    {
        _writer = writer;
        Page = page;
        _dropped = dropped;
        _capacity = capacity;
    }

    /// <summary>The page of the worker that this channel belongs to.</summary>
    internal StatPage Page { get; }

    /// <summary>What waits to be written; read by the writer's thread only. Null before the first line.</summary>
    internal LineRing? Ring => Volatile.Read(ref _ring);

    /// <summary>Queues a line that stands ready, with its end.</summary>
    internal void Write(ReadOnlySpan<byte> line)
    {
        var ring = RingForLine();
        if (line.TryCopyTo(ring.RoomAtTail()))
        {
            ring.CommitAtTail(line.Length);
        }
        else if (line.TryCopyTo(ring.RoomAtFront()))
        {
            ring.CommitAtFront(line.Length);
        }
        else
        {
            Page.Increment(_dropped);
        }

        _writer.Wake();
    }

    /// <summary>Formats the line of a finished request and queues it.</summary>
    public void Log(AccessLogFormat format, IAccessLogSource source)
    {
        var ring = RingForLine();
        if (format.TryFormat(source, ring.RoomAtTail(), out var written))
        {
            ring.CommitAtTail(written);
        }
        else if (format.TryFormat(source, ring.RoomAtFront(), out written))
        {
            ring.CommitAtFront(written);
        }
        else
        {
            Page.Increment(_dropped);
        }

        _writer.Wake();
    }

    private LineRing RingForLine()
    {
        var ring = _ring;
        if (ring is null)
        {
            ring = new LineRing(_capacity);
            Volatile.Write(ref _ring, ring);
        }

        return ring;
    }
}
