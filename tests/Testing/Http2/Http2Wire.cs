using System.Buffers.Binary;
using System.Net.Sockets;
using System.Threading.Channels;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Testing.Http2;

/// <summary>
/// Frames over a stream of bytes, for either end. What is sent is not looked at; what comes is held to RFC 9113, sections 4 and 6, and a header block is
/// handed out whole, with its fields.
/// </summary>
internal sealed class Http2Wire(Stream stream)
{
    /// <summary>SETTINGS_MAX_FRAME_SIZE that is never changed here.</summary>
    public const int MaxFrame = 16_384;

    private readonly Channel<bool> _sending = Channel.CreateBounded<bool>(1);
    private readonly byte[] _head = new byte[Http2Frame.HeadSize];
    private long _frames;

    /// <summary>What the header blocks of the peer are read with.</summary>
    public HpackReader Hpack { get; } = new();

    /// <summary>Frames read so far.</summary>
    public long FramesRead => Volatile.Read(ref _frames);

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        await _sending.Writer.WriteAsync(item: true, cancel);
        try
        {
            await stream.WriteAsync(bytes, cancel);
        }
        catch (IOException e)
        {
            throw new Http2EndedException(isReset: true, $"nothing more can be sent: {e.Message}");
        }
        finally
        {
            _sending.Reader.TryRead(out _);
        }
    }

    /// <summary>Bytes that are no frames: the preface.</summary>
    public async Task<byte[]> ReadBytesAsync(int count, CancellationToken cancel)
    {
        var bytes = new byte[count];
        return await TryFillAsync(bytes, cancel) ? bytes : throw new Http2EndedException(isReset: false, "the connection ended before the preface");
    }

    /// <summary>The next frame; null at the orderly end of the connection. CONTINUATION frames are part of the one that they continue.</summary>
    public async Task<Http2Frame?> ReadAsync(CancellationToken cancel)
    {
        if (await ReadOneAsync(cancel) is not { } frame)
        {
            return null;
        }

        Require(frame.Type != Http2FrameType.Continuation, frame, "CONTINUATION that continues nothing (section 6.10)");
        if (frame.Type is not (Http2FrameType.Headers or Http2FrameType.PushPromise))
        {
            return frame;
        }

        var block = new List<byte>(FragmentOf(frame));
        var (last, count) = (frame, 0);
        while (!last.Flags.HasFlag(Http2Flags.EndHeaders))
        {
            last = await ReadOneAsync(cancel) ?? throw new Http2EndedException(isReset: false, "the connection ended inside a header block");
            Require(last.Type == Http2FrameType.Continuation && last.StreamId == frame.StreamId, last, "a frame inside a header block (section 6.10)");
            block.AddRange(last.Payload);
            count++;
        }

        byte[] whole = [.. block];
        return frame with { Payload = whole, Flags = frame.Flags & ~(Http2Flags.Padded | Http2Flags.Priority), Fields = Decode(frame, whole), NeverIndexed = Hpack.NeverIndexed, Continuations = count };
    }

    private static void Require(bool holds, Http2Frame frame, string what)
    {
        if (!holds)
        {
            throw new Http2ViolationException($"{what}: {frame}");
        }
    }

    private static byte[] FragmentOf(Http2Frame frame)
    {
        var content = frame.Data;
        return (frame.Flags.HasFlag(Http2Flags.Priority) && frame.Type == Http2FrameType.Headers ? content[5..] : content).ToArray();
    }

    /// <summary>Lengths, flags and streams that each type may have.</summary>
    private static void Check(Http2Frame frame)
    {
        var length = frame.Payload.Length;
        var (flags, hasStream, isLength) = frame.Type switch
        {
            Http2FrameType.Data => (Http2Flags.EndStream | Http2Flags.Padded, true, true),
            Http2FrameType.Headers => (Http2Flags.EndStream | Http2Flags.EndHeaders | Http2Flags.Padded | Http2Flags.Priority, true, true),
            Http2FrameType.Priority => (Http2Flags.None, true, length == 5),
            Http2FrameType.Reset => (Http2Flags.None, true, length == 4),
            Http2FrameType.Settings => (Http2Flags.Ack, false, frame.Flags.HasFlag(Http2Flags.Ack) ? length == 0 : length % 6 == 0),
            Http2FrameType.PushPromise => (Http2Flags.EndHeaders | Http2Flags.Padded, true, length >= 4),
            Http2FrameType.Ping => (Http2Flags.Ack, false, length == 8),
            Http2FrameType.GoAway => (Http2Flags.None, false, length >= 8),
            Http2FrameType.WindowUpdate => (Http2Flags.None, frame.StreamId != 0, length == 4),
            Http2FrameType.Continuation => (Http2Flags.EndHeaders, true, true),
            _ => throw new Http2ViolationException($"a frame of a type that nobody asked for: {frame}"),
        };
        Require((frame.Flags & ~flags) == Http2Flags.None, frame, "flags that are not defined (section 4.1)");
        Require(hasStream == (frame.StreamId != 0), frame, "a stream that the type may not have (section 6)");
        Require(isLength, frame, "a length that the type may not have (section 4.2)");
        Require(!frame.Flags.HasFlag(Http2Flags.Padded) || frame.Type is not (Http2FrameType.Data or Http2FrameType.Headers) || frame.Payload[0] < length, frame, "more padding than payload (section 6.1)");
        Require(frame.Type != Http2FrameType.WindowUpdate || frame.Increment > 0, frame, "an increment of nothing (section 6.9)");
    }

    private RawHeaders Decode(Http2Frame frame, byte[] block)
    {
        try
        {
            return Hpack.Read(block);
        }
        catch (HpackFaultException e)
        {
            throw new Http2ViolationException($"{frame.Type}[{frame.StreamId}]: {e.Message}");
        }
    }

    private async Task<Http2Frame?> ReadOneAsync(CancellationToken cancel)
    {
        if (!await TryFillAsync(_head, cancel))
        {
            return null;
        }

        var length = (_head[0] << 16) | BinaryPrimitives.ReadUInt16BigEndian(_head.AsSpan(1));
        var streamId = BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(5));
        var head = new Http2Frame((Http2FrameType)_head[3], (Http2Flags)_head[4], streamId, []);
        Require(length <= MaxFrame, head, $"{length} bytes, more than SETTINGS_MAX_FRAME_SIZE (section 4.2)");
        Require(streamId >= 0, head, "the reserved bit is set (section 4.1)");
        var payload = new byte[length];
        if (length > 0 && !await TryFillAsync(payload, cancel))
        {
            throw new Http2EndedException(isReset: true, $"the connection ended inside {head}");
        }

        Interlocked.Increment(ref _frames);
        var frame = head with { Payload = payload };
        Check(frame);
        return frame;
    }

    /// <summary>False at the orderly end before the first byte.</summary>
    private async Task<bool> TryFillAsync(Memory<byte> into, CancellationToken cancel)
    {
        var filled = 0;
        while (filled < into.Length)
        {
            int count;
            try
            {
                count = await stream.ReadAsync(into[filled..], cancel);
            }
            catch (IOException e) when (e.InnerException is SocketException)
            {
                throw new Http2EndedException(isReset: true, "the connection was reset");
            }

            if (count == 0)
            {
                return filled == 0 ? false : throw new Http2EndedException(isReset: true, "the connection ended inside a frame");
            }

            filled += count;
        }

        return true;
    }
}
