using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Lines that are read in wide steps read as they do byte for byte: whole heads and heads that come a byte at a time have the same verdict.</summary>
public sealed class FieldLineTests
{
    private const string Front = "GET / HTTP/1.1\r\nhost: a\r\n";

    /// <summary>Around the length of one step and of two.</summary>
    public static TheoryData<int> Lengths => [0, 1, 2, 5, 28, 29, 30, 31, 32, 33, 34, 60, 61, 62, 63, 64, 65, 66, 95, 97, 200];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Values_of_any_length_read_the_same(int length) => Agree($"{Front}x: {new string('v', length)}\r\ny: z\r\n\r\n");

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Names_of_any_length_and_case_read_the_same(int length)
    {
        var name = string.Concat(Enumerable.Range(0, length + 1).Select(static i => i % 3 == 0 ? 'X' : i % 7 == 0 ? '-' : 'b'));
        Agree($"{Front}{name}: value\r\nLast: Z\r\n\r\n");
    }

    [Fact]
    public void Any_byte_anywhere_in_a_line_reads_the_same()
    {
        const string Line = "Content-Security-Policy: Some Value, and Some More of it\t here";
        for (var at = 0; at < Line.Length; at++)
        {
            for (var b = 0; b < 256; b++)
            {
                var line = new StringBuilder(Line);
                line[at] = (char)b;
                Agree($"{Front}{line}\r\nlast: z\r\n\r\n");
            }
        }
    }

    [Fact]
    public void White_space_around_a_value_is_taken_off()
    {
        foreach (var space in (string[])["", " ", "\t", "  \t ", new string(' ', 40)])
        {
            Heads.Request($"{Front}X:{space}v w{space}\r\n\r\n").Should().Be(Heads.Request($"{Front}x: v w\r\n\r\n"));
            Agree($"{Front}x:{space}\r\n\r\n");
        }
    }

    [Fact]
    public void Every_line_is_in_lower_case_where_it_stands_and_no_other_byte_is_touched()
    {
        var bytes = Encoding.Latin1.GetBytes($"{Front}X-Mixed-CASE: Value WITH Case: And-Colon\r\n\r\nREST of IT, 40 bytes and more to be left alone");
        var parser = new RequestParser(new RequestHead());
        parser.Begin(0);
        parser.Parse(bytes, bytes.Length).Should().Be(ParseStatus.Done);
        Encoding.Latin1.GetString(bytes).Should().Be($"{Front}x-mixed-case: Value WITH Case: And-Colon\r\n\r\nREST of IT, 40 bytes and more to be left alone");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(40)]
    public void Limits_are_those_of_lines_read_one_by_one(int fields)
    {
        var text = $"{Front}{string.Concat(Enumerable.Range(0, fields).Select(static i => $"x{i}: {i}\r\n"))}\r\n";
        for (var limit = 1; limit <= text.Length + 1; limit++)
        {
            Verdict(text, limit, fields + 1, [text.Length]).Should().Be(Verdict(text, limit, fields + 1, [.. EveryByte(text), text.Length]), "of {0} bytes", limit);
        }

        for (var most = 1; most <= fields + 2; most++)
        {
            Verdict(text, text.Length, most, [text.Length]).Should().Be(Verdict(text, text.Length, most, [.. EveryByte(text), text.Length]), "of {0} fields", most);
        }
    }

    private static void Agree(string text)
    {
        var whole = Heads.Request(text);
        var slow = Heads.Request(text, EveryByte(text));
        if (whole != slow)
        {
            Assert.Fail($"{whole} and, byte for byte, {slow}: {Convert.ToHexString(Encoding.Latin1.GetBytes(text))}");
        }
    }

    /// <summary>The cuts before each byte but the first.</summary>
    private static int[] EveryByte(string text) => [.. Enumerable.Range(1, text.Length - 1)];

    private static string Verdict(string text, int maxBytes, int maxFields, int[] ends)
    {
        var bytes = Encoding.Latin1.GetBytes(text + new string('\n', 64));
        var parser = new RequestParser(new RequestHead()) { MaxHeadBytes = maxBytes, MaxFields = maxFields };
        parser.Begin(0);
        var status = ParseStatus.NeedMore;
        foreach (var end in ends)
        {
            status = parser.Parse(bytes, end);
            if (status != ParseStatus.NeedMore)
            {
                break;
            }
        }

        return $"{status} {parser.Error}";
    }
}
