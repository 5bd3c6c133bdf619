using System.Globalization;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2.Hpack;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>What we encode, decoded by Debian's python3-hpack; and what that encodes, by us.</summary>
public sealed class IndependentDecoderTests
{
    // Not the first on the PATH, which need not be the one that Debian's packages are for.
    private const string Python = "/usr/bin/python3";

    // Lines in: "size N" or "block HEX". Lines out: a block's fields, hexadecimal.
    private const string Decoding = """
        import sys, hpack
        decoder = hpack.Decoder(max_header_list_size=1 << 24)
        for line in open(sys.argv[1]):
            kind, value = line.split(' ', 1)
            if kind == 'size':
                decoder.max_allowed_table_size = int(value)
            else:
                fields = decoder.decode(bytes.fromhex(value), raw=True)
                print(';'.join(n.hex() + ':' + v.hex() for n, v in fields))
        """;

    // Lines in: "size N" or a block's fields, hexadecimal. Lines out: the blocks.
    private const string Encoding = """
        import sys, hpack
        encoder = hpack.Encoder()
        for line in open(sys.argv[1]):
            if line.startswith('size '):
                encoder.header_table_size = int(line[5:])
            else:
                fields = [tuple(bytes.fromhex(part) for part in field.split(':')) for field in line.strip().split(';')]
                print(encoder.encode(fields, huffman=len(fields) % 2 == 0).hex())
        """;

    [Fact]
    public async Task What_we_encode_is_read_by_another_decoder()
    {
        var random = new Random(7541);
        var encoder = new HpackEncoder();
        var input = new StringBuilder();
        var expected = new List<string>();
        for (var i = 0; i < 2000; i++)
        {
            if (random.Next(20) == 0)
            {
                var size = random.Next(3) * random.Next(4097);
                encoder.SetPeerTableSize(size);
                input.Append(CultureInfo.InvariantCulture, $"size {size}\n");
            }

            var fields = Fields(random);
            input.Append(CultureInfo.InvariantCulture, $"block {encoder.Hex(fields)}\n");
            expected.Add(Hex(fields));
        }

        (await RunAsync(Decoding, input)).Should().Equal(expected);
    }

    [Fact]
    public async Task What_another_encoder_writes_is_read_by_us()
    {
        var random = new Random(7540);
        var decoder = new HpackDecoder(4096);
        var input = new StringBuilder();
        var expected = new List<string>();
        for (var i = 0; i < 2000; i++)
        {
            if (random.Next(20) == 0)
            {
                input.Append(CultureInfo.InvariantCulture, $"size {random.Next(4097)}\n");
            }

            var fields = Fields(random);
            input.Append(Hex(fields)).Append('\n');
            expected.Add(Hex(fields));
        }

        var blocks = await RunAsync(Encoding, input);
        blocks.Select(block => Hex([.. decoder.Taken(Convert.FromHexString(block)).Select(static field => (field.Name, field.Value))])).Should().Equal(expected);
    }

    private static (string Name, string Value)[] Fields(Random random) =>
    [
        random.Next(2) == 0 ? (":status", random.Next(2) == 0 ? "200" : "503") : (":path", $"/{random.Next(50)}"),
        ("server", "envoy"),
        ("date", $"{random.Next(5)}"),
        .. Enumerable.Range(0, random.Next(10)).Select(_ => random.Next(8) switch
        {
            0 => ("cookie", new string('c', random.Next(60))),
            1 => ("authorization", "secret"),
            2 => ("content-length", $"{random.Next(100_000)}"),
            3 => ($"x-{random.Next(100)}", $"{random.Next(3)}"),
            4 => ("x-request-id", $"{random.Next()}"),
            5 => ("x-bytes", Latin1(random, 300)),
            6 => ($"y-{new string('y', random.Next(200))}", Latin1(random, 3)),
            _ => ("content-type", random.Next(2) == 0 ? "text/html" : "application/grpc"),
        }),
    ];

    private static string Latin1(Random random, int limit) => string.Concat(Enumerable.Range(0, random.Next(limit)).Select(_ => (char)random.Next(256)));

    private static string Hex((string Name, string Value)[] fields) => string.Join(';', fields.Select(static field => $"{Hex(field.Name)}:{Hex(field.Value)}"));

    private static string Hex(string text) => Convert.ToHexStringLower(System.Text.Encoding.Latin1.GetBytes(text));

    private static async Task<string[]> RunAsync(string script, StringBuilder input)
    {
        Requires.That(File.Exists(Python) && (await ChildProcess.RunAsync(Python, "-c", "import hpack")).ExitCode == 0, "python3-hpack is not installed");
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "input");
        await File.WriteAllTextAsync(path, input.ToString());
        var result = await ChildProcess.RunAsync(Python, "-c", script, path);
        result.Error.Should().BeEmpty();
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
