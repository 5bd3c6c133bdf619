using System.Net.Sockets;
using System.Text;

namespace KubeProxyNet.Testing.Http;

/// <summary>Reads strict HTTP/1.1 elements from a socket, or from the TLS on it: lines must end in CR LF, and nothing is repaired.</summary>
internal sealed class WireReader(Socket socket, Stream? secure = null)
{
    private const int MaxLine = 1 << 20;
    private readonly List<byte> _message = [];
    private readonly List<byte> _all = [];
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>All that was taken from the socket on this connection.</summary>
    public byte[] Everything
    {
        get
        {
            lock (_all)
            {
                return [.. _all];
            }
        }
    }

    /// <summary>The bytes consumed since <see cref="BeginMessage"/>.</summary>
    public byte[] Message => [.. _message];

    public void BeginMessage() => _message.Clear();

    /// <summary>True where another byte is there; false at the orderly end of the stream.</summary>
    public async ValueTask<bool> HasMoreAsync(CancellationToken cancel)
    {
        if (_start < _end)
        {
            return true;
        }

        _start = 0;
        try
        {
            _end = secure is null ? await socket.ReceiveAsync(_buffer, SocketFlags.None, cancel) : await secure.ReadAsync(_buffer, cancel);
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted })
        {
            _end = 0;
            throw Fault(FramingFault.Reset, "the connection was reset");
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
            _end = 0;
            throw Fault(FramingFault.Reset, "the connection was reset");
        }

        lock (_all)
        {
            _all.AddRange(_buffer.AsSpan(0, _end));
        }

        return _end > 0;
    }

    /// <summary>One line without its CR LF.</summary>
    public async ValueTask<string> ReadLineAsync(CancellationToken cancel)
    {
        var line = new StringBuilder();
        while (line.Length < MaxLine)
        {
            var b = await ReadByteAsync("a line", cancel);
            if (b == '\n')
            {
                throw Fault(FramingFault.Malformed, $"bare LF after '{line}'");
            }

            if (b == '\r')
            {
                return await ReadByteAsync("a line", cancel) == '\n'
                    ? line.ToString()
                    : throw Fault(FramingFault.Malformed, $"bare CR after '{line}'");
            }

            line.Append((char)b);
        }

        throw Fault(FramingFault.Malformed, $"a line of more than {MaxLine} bytes");
    }

    /// <summary>Appends exactly <paramref name="count"/> bytes to <paramref name="into"/>.</summary>
    public async ValueTask ReadExactlyAsync(long count, MemoryStream into, CancellationToken cancel)
    {
        var left = count;
        while (left > 0)
        {
            if (!await HasMoreAsync(cancel))
            {
                throw Fault(FramingFault.Truncated, $"the connection ended {left} bytes before the body's end");
            }

            left -= Take((int)Math.Min(left, _end - _start), into);
        }
    }

    /// <summary>Appends everything up to the orderly end of the stream to <paramref name="into"/>.</summary>
    public async ValueTask ReadToEndAsync(MemoryStream into, CancellationToken cancel)
    {
        while (await HasMoreAsync(cancel))
        {
            Take(_end - _start, into);
        }
    }

    public RawFramingException Fault(FramingFault fault, string message) =>
        new(fault, $"{message}; received so far: {Encoding.Latin1.GetString(Message)}", Message);

    private int Take(int count, MemoryStream into)
    {
        into.Write(_buffer, _start, count);
        _message.AddRange(_buffer.AsSpan(_start, count));
        _start += count;
        return count;
    }

    private async ValueTask<byte> ReadByteAsync(string inside, CancellationToken cancel)
    {
        if (!await HasMoreAsync(cancel))
        {
            throw _message.Count == 0
                ? Fault(FramingFault.NoMessage, "the connection ended before a message")
                : Fault(FramingFault.Truncated, $"the connection ended inside {inside}");
        }

        var b = _buffer[_start++];
        _message.Add(b);
        return b;
    }
}
