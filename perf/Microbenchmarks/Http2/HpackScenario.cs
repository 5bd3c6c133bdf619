using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Microbenchmarks.Http2;

/// <summary>Blocks of a connection that has warmed up, one after the other.</summary>
internal sealed class HpackScenario
{
    /// <summary>Blocks in turn.</summary>
    public const int Blocks = 1024;

    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new(DynamicTable.DefaultSize);
    private readonly (byte[] Name, byte[] Value)[][] _fields;
    private readonly byte[] _blocks = new byte[Blocks * 1024];
    private readonly int[] _ends = new int[Blocks];
    private readonly byte[] _line = new byte[16 * 1024];

    private HpackScenario(string name, Func<int, (string Name, string Value)[]> fields)
    {
        Name = name;
        _fields = [.. Enumerable.Range(0, Blocks).Select(i => fields(i).Select(static field => (Encoding.ASCII.GetBytes(field.Name), Encoding.ASCII.GetBytes(field.Value))).ToArray())];
        EncodeAll();
    }

    public static string[] Names { get; } = ["gRPC request", "browser request, paths differ", "response", "all Huffman literals"];

    public string Name { get; }

    /// <summary>Bytes of a block, on average.</summary>
    public double BlockLength => _ends[^1] / (double)Blocks;

    public static HpackScenario Create(string name) => name switch
    {
        "gRPC request" => new(name, static i =>
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/shop.Cart/AddItem"), (":authority", "cart.shop.svc.cluster.local:8080"), ("content-type", "application/grpc"),
            ("te", "trailers"), ("user-agent", "grpc-dotnet/2.71.0 (.NET 10.0.0; CLR 10.0.0)"), ("grpc-accept-encoding", "identity,gzip,deflate"), ("grpc-timeout", $"{900 + (i % 100)}m"),
        ]),
        "browser request, paths differ" => new(name, static i =>
        [
            (":method", "GET"), (":scheme", "https"), (":authority", "www.example.com"), (":path", $"/static/assets/{i * 7919}/main.js?v={i}"), ("accept", "*/*"),
            ("accept-encoding", "gzip, deflate, br, zstd"), ("accept-language", "en-GB,en;q=0.9"), ("referer", "https://www.example.com/start"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"), ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
        ]),
        "response" => new(name, static i =>
        [
            (":status", "200"), ("content-type", "application/json"), ("content-length", $"{1000 + i}"), ("date", $"Mon, 23 Nov 2026 10:00:{i / 100:d2} GMT"), ("server", "envoy"),
            ("x-envoy-upstream-service-time", $"{i % 50}"),
        ]),
        _ => new(name, static i => [(":path", $"/static/assets/{i * 7919}/this/is/a/longer/path/with/words/main.js?v={i}"), ("authorization", $"Bearer {i}{new string('k', 60)}{i}")]),
    };

    /// <summary>Encodes all blocks once; returns how many bytes they take.</summary>
    public int EncodeAll()
    {
        var at = 0;
        for (var i = 0; i < Blocks; i++)
        {
            var writer = new ByteWriter(_blocks.AsSpan(at));
            _encoder.Begin(ref writer);
            foreach (var (name, value) in _fields[i])
            {
                _encoder.Write(ref writer, name, value);
            }

            at += writer.Length;
            _ends[i] = at;
        }

        return at;
    }

    /// <summary>Decodes all blocks as they were encoded last, each into lines of text; returns the number of fields.</summary>
    public int DecodeAll()
    {
        var lines = new Lines(_line);
        var at = 0;
        foreach (var end in _ends)
        {
            lines.Length = 0;
            if (_decoder.Decode(_blocks.AsSpan(at, end - at), ref lines) != HpackStatus.Done)
            {
                throw new InvalidOperationException($"a block of '{Name}' was refused");
            }

            at = end;
        }

        return lines.Count;
    }

    private ref struct Lines(Span<byte> buffer) : IHpackFields
    {
        private readonly Span<byte> _buffer = buffer;

        public int Length;

        public int Count;

        public bool OnField(scoped HpackField field)
        {
            var target = _buffer[Length..];
            if (!field.Line.IsEmpty)
            {
                field.Line.CopyTo(target);
            }
            else
            {
                field.Name.CopyTo(target);
                ": "u8.CopyTo(target[field.Name.Length..]);
                field.Value.CopyTo(target[(field.Name.Length + 2)..]);
                "\r\n"u8.CopyTo(target[(field.Name.Length + 2 + field.Value.Length)..]);
            }

            Length += field.Name.Length + field.Value.Length + 4;
            Count++;
            return true;
        }
    }
}
