using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Fuzz.Generation;

/// <summary>What mutation of header blocks begins with. An item is two octets of settings, then blocks with <see cref="Separator"/> between them.</summary>
internal static class HpackCorpus
{
    public static readonly byte[] Separator = [0xFF, 0x00, 0xFF, 0x00];

    private static readonly (string, string)[] Request =
        [(":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/a?b=c"), ("user-agent", "x/1"), ("cookie", "a=b"), ("x-team", "blue")];

    private static readonly (string, string)[] Response =
        [(":status", "503"), ("server", "envoy"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"), ("content-length", "12345"), ("set-cookie", "a=b; Secure"), ("x-bytes", "\0\u00ff\u0080|~")];

    public static readonly byte[][] Items =
    [
        Conversation(0, 0, Request, Request, Request),
        Conversation(1, 0, Response, Request, Response),
        Conversation(2, 3, Request, [("x-long", new string('l', 300)), ("x-large", new string('%', 300))], Response, Request),
        Hex("0000", "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
        Hex("0103", "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3", "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"),
        Hex("0200", "40016101624001630164be7e0165bf", "2030be", "3fe11f400161016282be"),
        Hex("0301", "3f034001610162be", "7e0163be", "7e026364be", "4000008180"),
    ];

    public static readonly byte[][] Dictionary =
    [
        Separator, [0x20], [0x3F, 0x01], [0x3F, 0xE1, 0x1F], [0x3F, 0x45], [0xBE], [0xBF], [0xC0], [0x7E], [0x7F, 0x00], [0x80], [0xFF], [0xFF, 0x80, 0x80, 0x80, 0x80, 0x00],
        [0x40, 0x00, 0x00], [0x40, 0x01, (byte)'a', 0x01, (byte)'b'], [0x7E, 0x01, (byte)'c'], [0x10, 0x01, (byte)'a', 0x00], [0x0F, 0x2F, 0x00], [0x1F, 0x2F, 0x00],
        [0x81, 0x1F], [0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x85, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x8F], [0x82], [0x88], [0x3F, 0x03],
    ];

    private static byte[] Conversation(byte size, byte acknowledged, params (string Name, string Value)[][] blocks)
    {
        var encoder = new HpackEncoder();
        return Item([size, acknowledged], blocks.Select(fields =>
        {
            var writer = new ByteWriter(new byte[4096]);
            encoder.Begin(ref writer);
            foreach (var (name, value) in fields)
            {
                encoder.Write(ref writer, Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
            }

            return writer.Written.ToArray();
        }));
    }

    private static byte[] Hex(string settings, params string[] blocks) => Item(Convert.FromHexString(settings), blocks.Select(Convert.FromHexString));

    private static byte[] Item(byte[] settings, IEnumerable<byte[]> blocks) => [.. settings, .. blocks.SelectMany(static (block, i) => i == 0 ? block : [.. Separator, .. block])];
}
