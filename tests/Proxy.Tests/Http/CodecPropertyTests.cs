using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Random messages: valid ones read the same however they are split; no bytes make a codec throw or read too far.</summary>
public sealed class CodecPropertyTests(ITestOutputHelper output)
{
    private const int Mutations = 100_000;

    private static readonly Gen<string> Token = Gen.String[Gen.Char["abcXYZ019-_!"], 1, 12];
    private static readonly Gen<string> Value = Gen.String[Gen.Char["abc XYZ,;=\t\"/\u00e9"], 0, 30].Select(static value => value.Trim(' ', '\t'));

    private static readonly Gen<string> Request = Gen.Select(
        Gen.Int[0, 2].Select(static i => i switch { 0 => "GET", 1 => "POST", _ => "x-method" }),
        Gen.String[Gen.Char["abc/?&=%20"], 0, 40],
        Gen.Select(Token, Value).Array[0, 12]).Select(static (method, path, fields) =>
            $"{method} /{path} HTTP/1.1\r\nhost: a\r\n{string.Concat(fields.Select(static field => $"x{field.Item1}: {field.Item2}\r\n"))}\r\n");

    private static readonly Gen<(string Wire, string Payload)> ChunkedBody = Gen.Select(
        Gen.String[Gen.Char["abc\r\n0;:"], 1, 50].Array[0, 8],
        Gen.Bool).Select(static (chunks, trailers) => (
            string.Concat(chunks.Select(static chunk => $"{chunk.Length:x}\r\n{chunk}\r\n")) + (trailers ? "0\r\nt: v\r\n\r\n" : "0\r\n\r\n"),
            string.Concat(chunks)));

    [Fact]
    public void A_valid_head_reads_the_same_however_it_is_split() => Gen.Select(Request, Gen.Int[1, 10_000].Array[0, 6]).Sample((text, places) =>
    {
        var whole = Heads.Request(text);
        whole.Should().StartWith(text[..text.IndexOf(" HTTP", StringComparison.Ordinal)]);
        Heads.Request(text, Cuts(text, places)).Should().Be(whole);
    });

    [Fact]
    public void A_chunked_body_gives_its_payload_however_it_is_split() => Gen.Select(ChunkedBody, Gen.Int[1, 10_000].Array[0, 6]).Sample((body, places) =>
        Heads.Body(BodyFraming.Chunked, body.Wire + "next", Cuts(body.Wire, places)).Should().Be($"{body.Payload}|next"));

    [Fact]
    public void Random_bytes_give_a_verdict() => Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[1, 10_000].Array[0, 3]).Sample((bytes, places) =>
    {
        var text = Encoding.Latin1.GetString(bytes);
        Judge(text, Cuts(text, places));
    });

    [Fact]
    public void Mutated_messages_give_a_verdict_that_does_not_depend_on_the_splitting()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string[] seeds =
        [
            "POST /a?b HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nx: y\r\n\r\n",
            "GET http://h/p HTTP/1.0\r\nhost: a\r\nconnection: close, x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
            "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: v\r\n\r\n",
        ];
        for (var i = 0; i < Mutations; i++)
        {
            var text = Mutate(seeds[i % seeds.Length], random);
            var cut = random.Next(1, Math.Max(2, text.Length));
            Judge(text, cut < text.Length ? [cut] : []);
        }
    }

    private static void Judge(string text, int[] cuts)
    {
        if (Heads.Request(text, cuts) != Heads.Request(text)
            || Heads.Response(text, isHead: false, cuts) != Heads.Response(text)
            || Heads.Body(BodyFraming.Chunked, text, cuts) != Heads.Body(BodyFraming.Chunked, text))
        {
            Assert.Fail($"the verdict depends on the splitting at {string.Join(',', cuts)} of: {Convert.ToHexString(Encoding.Latin1.GetBytes(text))}");
        }
    }

    private static string Mutate(string seed, Random random)
    {
        var text = new StringBuilder(seed);
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(text.Length);
            switch (random.Next(4))
            {
                case 0:
                    text[at] = (char)random.Next(256);
                    break;
                case 1:
                    text.Insert(at, "\r\n\n\r \t:;0\0"[random.Next(10)]);
                    break;
                case 2:
                    text.Remove(at, Math.Min(text.Length - at, random.Next(1, 5)));
                    break;
                default:
                    text.Insert(at, text.ToString(at, Math.Min(random.Next(1, 20), text.Length - at)));
                    break;
            }

            if (text.Length == 0)
            {
                text.Append('\r');
            }
        }

        return text.ToString();
    }

    private static int[] Cuts(string text, int[] places) =>
        text.Length < 2 ? [] : [.. places.Select(place => 1 + (place % (text.Length - 1))).Distinct().Order()];
}
