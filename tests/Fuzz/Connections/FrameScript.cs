using System.Buffers.Binary;
using KubeProxyNet.Fuzz.Generation;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>Makes what one client sends by HTTP/2: frames that belong together, in an order that may be wrong, with bytes that may be changed.</summary>
internal static class FrameScript
{
    private const int HeaderSize = 9;
    private static readonly string[] Methods = ["GET", "GET", "GET", "POST", "POST", "HEAD", "CONNECT", "OPTIONS", "G T", ""];
    private static readonly string[] Paths = ["/", "/a", "/a?b=c", "*", "", "http://a/", "/ HTTP/1.1\r\nx: y", "/\0", "/%00"];
    private static readonly string[] Names = ["x-a", "cookie", "content-length", "te", "host", "transfer-encoding", "connection", "expect", "priority", "X-A", "x a", "x\r\ny", "", ":path", ":status", "upgrade"];
    private static readonly string[] Values = ["1", "0", "a=b", "trailers", "chunked", "100-continue", "u=1, i", "a\r\nb: c", " a", "\0", "", "5", "websocket", "localhost"];

    /// <summary>What begins a connection (RFC 9113 section 3.4).</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Writes the whole of it.</summary>
    public static void Make(ByteText text, FuzzRandom random)
    {
        text.Clear();
        text.Add(Preface);
        var settings = new ByteText();
        for (var count = random.Next(4); count > 0; count--)
        {
            AddSetting(settings, random);
        }

        AddFrame(text, 4, 0, 0, settings.Span);
        var start = text.Length;
        var lastId = -1;
        for (var count = random.Between(1, 40); count > 0; count--)
        {
            AddOne(text, random, ref lastId);
        }

        if (random.Once(3))
        {
            for (var count = random.Between(1, 5); count > 0; count--)
            {
                text[random.Between(start, text.Length - 1)] = (byte)random.Next(256);
            }
        }
    }

    private static void AddOne(ByteText text, FuzzRandom random, ref int lastId)
    {
        var payload = new ByteText();
        var id = random.Once(60) ? random.Next(8) : Math.Max(1, lastId - (2 * random.Next(4)));
        switch (lastId < 0 ? 0 : random.Next(16))
        {
            case < 6:
                lastId += 2;
                AddRequest(text, payload, random, lastId);
                break;
            case < 9:
                payload.Add(new string('d', random.Next(random.Once(8) ? 16_384 : 20)));
                AddFrame(text, 0, random.Once(3) ? 1 : 0, id, payload.Span);
                break;
            case 9:
                AddFields(payload, random, random.Next(3));
                AddFrame(text, 1, 4 | (random.Once(6) ? 0 : 1), id, payload.Span);
                break;
            case 10:
                AddNumber(payload, random.Once(2) ? 8u : (uint)random.Next(14));
                AddFrame(text, 3, 0, id, payload.Span);
                break;
            case 11:
                var isOfStream = random.Once(2);
                AddNumber(payload, isOfStream || random.Once(20) ? random.Of([0u, 1u, 1000u, 65_535u, 0x7fffffffu, 0x80000001u]) : (uint)random.Between(1, 100_000));
                AddFrame(text, 8, 0, isOfStream ? id : 0, payload.Span);
                break;
            case 12:
                AddSetting(payload, random);
                AddFrame(text, 4, 0, 0, payload.Span);
                break;
            case 13 or 15 when !random.Once(10):
                payload.Add("12345678");
                AddFrame(text, 6, random.Next(2), 0, payload.Span);
                break;
            case 14:
                AddNumber(payload, (uint)id);
                payload.Add(random.Once(2) ? "u=0" : "x");
                AddFrame(text, 16, 0, random.Once(20) ? id : 0, payload.Span);
                break;
            default:
                payload.Add(new string('\0', random.Next(12)));
                AddFrame(text, random.Next(20), random.Next(256), random.Next(12), payload.Span);
                break;
        }
    }

    private static void AddRequest(ByteText text, ByteText block, FuzzRandom random, int id)
    {
        AddField(block, random, ":method", random.Once(4) ? random.Of(Methods) : Methods[random.Next(5)]);
        AddField(block, random, ":scheme", "http");
        AddField(block, random, ":path", random.Once(5) ? random.Of(Paths) : "/");
        AddField(block, random, ":authority", random.Once(20) ? random.Of(Values) : "localhost");
        AddFields(block, random, random.Next(random.Once(40) ? 120 : 5));
        var flags = random.Once(3) ? 0 : 1;
        if (!random.Once(5))
        {
            AddFrame(text, 1, flags | 4, id, block.Span);
            return;
        }

        var cut = random.Next(block.Length + 1);
        AddFrame(text, 1, flags, id, block.Span[..cut]);
        AddFrame(text, 9, random.Once(10) ? 0 : 4, id, block.Span[cut..]);
    }

    private static void AddFields(ByteText block, FuzzRandom random, int count)
    {
        for (; count > 0; count--)
        {
            if (random.Once(4))
            {
                block.Add((byte)(0x80 | (random.Once(10) ? random.Between(1, 80) : random.Between(15, 61))));
                continue;
            }

            // Mostly what may be there, or few heads would be taken.
            var isOdd = random.Once(12);
            AddField(block, random, isOdd ? random.Of(Names) : Names[random.Next(2)], isOdd ? random.Of(Values) : Values[random.Next(3)]);
        }
    }

    private static void AddField(ByteText block, FuzzRandom random, string name, string value)
    {
        block.Add(random.Once(2) ? (byte)0x40 : (byte)0);
        block.Add((byte)name.Length);
        block.Add(name);
        block.Add((byte)value.Length);
        block.Add(value);
    }

    private static void AddSetting(ByteText payload, FuzzRandom random)
    {
        payload.Add(0);
        if (random.Once(20))
        {
            payload.Add((byte)random.Next(10));
            AddNumber(payload, random.Of([0u, 1u, 100u, 4096u, 16_384u, 65_535u, 1_000_000u, 0x7fffffffu]));
            return;
        }

        // Table, streams, windows, list: any value is good.
        payload.Add(random.Of<byte>([1, 3, 4, 6]));
        AddNumber(payload, random.Of([0u, 1u, 100u, 4096u, 65_535u, 1_000_000u]));
    }

    private static void AddNumber(ByteText payload, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        payload.Add(bytes);
    }

    private static void AddFrame(ByteText text, int type, int flags, int streamId, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        BinaryPrimitives.WriteUInt32BigEndian(header, ((uint)payload.Length << 8) | (uint)type);
        header[4] = (byte)flags;
        BinaryPrimitives.WriteInt32BigEndian(header[5..], streamId);
        text.Add(header);
        text.Add(payload);
    }
}
