using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Dns;
using static KubeProxyNet.Proxy.Tests.Dns.DnsReplies;

namespace KubeProxyNet.Proxy.Tests.Dns;

public sealed class DnsMessageReaderTests
{
    private static readonly DnsQuestion Question = new("app.test", DnsRecordType.A);

    private static readonly byte[] Full = Write(
        7,
        Question,
        answers:
        [
            Alias("app.test", "real.test", 30), Address("real.test", "10.0.0.1", 20), Address("real.test", "::1", 20), new ServiceRecord("app.test", 5, 1, 2, 8080, "real.test"),
        ],
        authorities: [Zone(60, 10)],
        hasEdns: true);

    [Fact]
    public void A_response_is_read()
    {
        var message = DnsMessageReader.Read(Full)!;
        message.Id.Should().Be(7);
        message.Code.Should().Be(DnsResponseCode.NoError);
        message.IsTruncated.Should().BeFalse();
        message.Question.Should().Be(Question);
        message.Answers.Should().Equal(
            new AliasRecord("app.test", 30, "real.test"),
            new AddressRecord("real.test", DnsRecordType.A, 20, IPAddress.Parse("10.0.0.1")),
            new AddressRecord("real.test", DnsRecordType.Aaaa, 20, IPAddress.IPv6Loopback),
            new ServiceRecord("app.test", 5, 1, 2, 8080, "real.test"));
        message.Authorities.Should().Equal(new ZoneRecord("test", 60, 10));
    }

    [Fact]
    public void A_response_that_is_cut_anywhere_is_none()
    {
        for (var length = 0; length < Full.Length; length++)
        {
            DnsMessageReader.Read(Full.AsSpan(0, length)).Should().BeNull($"only {length} bytes came");
        }
    }

    [Fact]
    public void Of_a_truncated_response_only_the_question_is_read()
    {
        var message = Write(7, Question, Response | Truncated, [Address("app.test", "10.0.0.1")]);
        DnsMessageReader.Read(message.AsSpan(0, message.Length - 3)).Should().Be(new DnsMessage { Id = 7, IsTruncated = true, Code = DnsResponseCode.NoError, Question = Question });
    }

    [Theory]
    [InlineData("0001 0100 0001 0000 0000 0000 0161 00 0001 0001", "a query")]
    [InlineData("0001 8980 0001 0000 0000 0000 0161 00 0001 0001", "another operation")]
    [InlineData("0001 8180 0002 0000 0000 0000 0161 00 0001 0001 0161 00 0001 0001", "two questions")]
    [InlineData("0001 8180 0001 0000 0000 0000 0161 00 0001 0003", "a class that was not asked for")]
    [InlineData("0001 8180 0001 0000 0000 0000 0161 00 0001 0001 00", "bytes behind the end")]
    [InlineData("0001 8180 0001 0000 0000 0000 C00C 0001 0001", "a name that points to itself")]
    [InlineData("0001 8180 0001 0000 0000 0000 C012 0001 0001 00", "a name that points forward")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C013 0001 0001 00000001 0004 01020304", "a record's name that points to itself")]
    [InlineData("0001 8180 0001 0000 0000 0000 4161 00 0001 0001", "a reserved kind of label")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C00C 0001 0001 00000001 0003 010203", "an address of three bytes")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C00C 001C 0001 00000001 0004 01020304", "an IPv6 address of four bytes")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C00C 0005 0001 00000001 0004 0162 00 00", "an alias shorter than its data")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C00C 0005 0001 00000001 0002 0162 00", "an alias longer than its data")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C00C 0021 0001 00000001 0005 0000000000", "a service without a target")]
    [InlineData("0001 8180 0001 0000 0001 0000 0161 00 0001 0001 C00C 0006 0001 00000001 0002 0000", "a zone without numbers")]
    [InlineData("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 00 0029 04D0 00000000 0000", "EDNS among the answers")]
    [InlineData("0001 8180 0001 0000 0000 0001 0161 00 0001 0001 C00C 0029 04D0 00000000 0000", "EDNS with an owner")]
    [InlineData("0001 8180 0001 0000 0000 0002 0161 00 0001 0001 00 0029 04D0 00000000 0000 00 0029 04D0 00000000 0000", "EDNS twice")]
    public void What_is_wrong_anywhere_is_no_response(string hex, string why) => DnsMessageReader.Read(Bytes(hex)).Should().BeNull(why);

    [Theory]
    [InlineData("0001 8185 0000 0000 0000 0000", 5)]
    [InlineData("0001 8180 0000 0000 0000 0001 00 0029 04D0 01000000 0000", 16)]
    [InlineData("0001 8183 0000 0000 0000 0001 00 0029 04D0 00000000 0000", 3)]
    public void The_code_has_the_upper_bits_of_EDNS(string hex, int code) => ((int)DnsMessageReader.Read(Bytes(hex))!.Code).Should().Be(code);

    [Fact]
    public void A_record_of_another_class_or_type_is_passed_over() =>
        DnsMessageReader.Read(Bytes("0001 8180 0001 0002 0000 0000 0161 00 0001 0001 C00C 0001 0003 00000001 0001 00 C00C 0010 0001 00000001 0002 0161"))!.Answers.Should().BeEmpty();

    [Fact]
    public void A_time_with_its_highest_bit_set_is_zero() =>
        DnsMessageReader.Read(Bytes("0001 8180 0001 0001 0000 0000 0161 00 0001 0001 C00C 0001 0001 FFFFFFFF 0004 01020304"))!.Answers[0].TtlSeconds.Should().Be(0);

    [Fact]
    public void A_name_is_the_same_in_upper_case_and_not_with_a_dot_within_a_label()
    {
        var at = 0;
        DnsName.TryRead(Bytes("0341 5062 0454 6573 5400"), ref at, out var upper).Should().BeTrue();
        upper.Should().Be("apb.test");
        at.Should().Be(10);
        at = 0;
        DnsName.TryRead(Bytes("0361 2E62 0104 00"), ref at, out var strange).Should().BeTrue();
        strange.Should().Be(@"a\046b.\004");
    }

    [Theory]
    [InlineData(127, true)]
    [InlineData(128, false)]
    public void A_name_has_255_bytes_at_most(int labels, bool isGood)
    {
        byte[] name = [.. Enumerable.Repeat<byte[]>([1, (byte)'a'], labels).SelectMany(static label => label), 0];
        var at = 0;
        DnsName.TryRead(name, ref at, out _).Should().Be(isGood);
    }

    [Theory]
    [InlineData("app.test", "app.test")]
    [InlineData("App.Test.", "app.test")]
    [InlineData("_http._tcp.app", "_http._tcp.app")]
    [InlineData("", null)]
    [InlineData(".", null)]
    [InlineData("a..b", null)]
    [InlineData("a b", null)]
    [InlineData("bücher.test", null)]
    [InlineData("a\\046b", null)]
    public void A_name_that_people_write_is_one_or_not(string text, string? name) => DnsName.Parse(text).Should().Be(name);

    [Fact]
    public void A_label_has_63_characters_at_most()
    {
        DnsName.Parse(new string('a', 63)).Should().NotBeNull();
        DnsName.Parse(new string('a', 64)).Should().BeNull();
    }

    [Fact]
    public void A_query_asks_for_recursion_and_tells_how_much_fits()
    {
        var query = new byte[DnsQueryWriter.MaxLength];
        var length = DnsQueryWriter.Write(query, 0x1234, new DnsQuestion("a.b", DnsRecordType.Aaaa), 1232);
        query.AsSpan(0, length).ToArray().Should().Equal(Bytes("1234 0100 0001 0000 0000 0001 0161 0162 00 001C 0001 00 0029 04D0 00000000 0000"));
        length = DnsQueryWriter.Write(query, 0x1234, new DnsQuestion("a.b", DnsRecordType.Aaaa), 0);
        query.AsSpan(0, length).ToArray().Should().Equal(Bytes("1234 0100 0001 0000 0000 0000 0161 0162 00 001C 0001"));
    }

    [Fact]
    public void No_bytes_make_the_reader_throw_or_read_for_ever()
    {
        var random = new Random(20_25);
        byte[][] seeds = [Full, Write(1, Question, answers: Enumerable.Range(0, 30).Select(static i => Address("app.test", $"10.0.0.{i}"))), Write(2, Question, authorities: [Zone(1, 2)])];
        var good = 0;
        for (var i = 0; i < 100_000; i++)
        {
            good += DnsMessageReader.Read(Mutate(seeds[i % seeds.Length], random)) is null ? 0 : 1;
        }

        good.Should().BeInRange(1, 99_999, "some changes harm and some do not");
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        var bytes = seed.ToList();
        for (var changes = random.Next(1, 5); changes > 0 && bytes.Count > 1; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, random.Next(1, bytes.Count - at + 1));
                    break;
                case 3:
                    // A pointer to anywhere.
                    bytes[at] = (byte)(0xC0 | random.Next(2));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, random.Next(Math.Min(bytes.Count - at, 20))));
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
