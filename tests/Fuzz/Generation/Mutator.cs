using System.Globalization;
using System.Text;

namespace KubeProxyNet.Fuzz.Generation;

/// <summary>Changes messages the ways that parsers trip over: bytes, lines, numbers, pieces of other messages.</summary>
internal sealed class Mutator(byte[][] corpus, byte[][] dictionary)
{
    private static readonly byte[] OddBytes = [0, (byte)'\t', (byte)'\n', (byte)'\r', (byte)' ', (byte)':', (byte)',', (byte)';', (byte)'"', (byte)'\\', 0x7F, 0x80, 0xA0, 0xFF];

    private static readonly byte[][] Numbers = Array.ConvertAll<string, byte[]>(
        ["0", "-1", "+1", "1", "00", "7fffffff", "80000000", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551616",
            "fffffffffffffff", "ffffffffffffffff", "10000000000000000", "999999999999999999", "1000000000000000000", "0x1", "1e3", "65535", "65536"],
        Encoding.ASCII.GetBytes);

    /// <summary>Puts a corpus item into <paramref name="text"/> and changes it at most <paramref name="changes"/> times.</summary>
    public void Make(ByteText text, FuzzRandom random, int changes)
    {
        text.Clear();
        text.Add(random.Of(corpus));
        Change(text, random, random.Between(0, changes));
    }

    /// <summary>Changes what is there.</summary>
    public void Change(ByteText text, FuzzRandom random, int times)
    {
        for (; times > 0; times--)
        {
            ChangeOnce(text, random);
        }
    }

    private void ChangeOnce(ByteText text, FuzzRandom random)
    {
        var at = random.Next(text.Length);
        var length = Math.Min(random.Between(1, random.Once(8) ? 64 : 8), text.Length - at);
        switch (random.Next(14))
        {
            case 0 when text.Length > 0:
                text[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when text.Length > 0:
                text[at] = (byte)random.Next(256);
                break;
            case 2 when text.Length > 0:
                text[at] = random.Of(OddBytes);
                break;
            case 3:
                text.Insert(at, [random.Of(OddBytes)]);
                break;
            case 4:
                text.Remove(at, length);
                break;
            case 5:
                text.Insert(at, text.Span.Slice(at, length).ToArray());
                break;
            case 6 or 7:
                text.Insert(StartOfLine(text, at), random.Of(dictionary));
                break;
            case 8:
                text.Insert(at, random.Of(dictionary));
                break;
            case 9:
                ChangeNumber(text, random, at);
                break;
            case 10:
                Splice(text, random, at);
                break;
            case 11:
                DoubleLine(text, random, at);
                break;
            case 12 when random.Once(3):
                text.Remove(at, text.Length - at);
                break;
            case 13 when random.Once(60):
                Repeat(text, random, at, length);
                break;
        }
    }

    private void Splice(ByteText text, FuzzRandom random, int at)
    {
        var other = random.Of(corpus);
        var from = random.Next(other.Length);
        text.Insert(at, other.AsSpan(from, random.Between(0, other.Length - from)));
    }

    private static void ChangeNumber(ByteText text, FuzzRandom random, int at)
    {
        while (at < text.Length && !char.IsAsciiHexDigit((char)text[at]))
        {
            at++;
        }

        var end = at;
        while (end < text.Length && char.IsAsciiHexDigit((char)text[end]))
        {
            end++;
        }

        var digits = Encoding.ASCII.GetString(text.Span[at..end]);
        text.Remove(at, end - at);
        text.Insert(at, random.Once(2) && long.TryParse(digits, CultureInfo.InvariantCulture, out var value)
            ? Encoding.ASCII.GetBytes((value + random.Between(-2, 2)).ToString(CultureInfo.InvariantCulture))
            : random.Of(Numbers));
    }

    private static void DoubleLine(ByteText text, FuzzRandom random, int at)
    {
        var start = StartOfLine(text, at);
        var end = text.Span[at..].IndexOf((byte)'\n');
        var line = text.Span[start..(end < 0 ? text.Length : at + end + 1)].ToArray();
        text.Insert(StartOfLine(text, random.Next(text.Length)), line);
    }

    private static void Repeat(ByteText text, FuzzRandom random, int at, int length)
    {
        var piece = text.Span.Slice(at, length).ToArray();
        var times = random.Of([50, 110, 1000, 9000]);
        var all = new byte[Math.Min(piece.Length * times, ByteText.MaxLength)];
        for (var i = 0; i < all.Length; i++)
        {
            all[i] = piece[i % piece.Length];
        }

        text.Insert(at, all);
    }

    private static int StartOfLine(ByteText text, int at) => text.Span[..at].LastIndexOf((byte)'\n') + 1;
}
