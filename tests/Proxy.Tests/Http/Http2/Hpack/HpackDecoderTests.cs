using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>What a decoder must and must not take, by section of RFC 7541.</summary>
public sealed class HpackDecoderTests
{
    private readonly HpackDecoder _decoder = new(4096);

    [Fact]
    public void S2_3_3_index_beyond_both_tables_is_an_error()
    {
        _decoder.Status("be").Should().Be(HpackStatus.BadIndex, "the dynamic table is empty, and 62 its first entry");
        _decoder.Status("7e0161").Should().Be(HpackStatus.BadIndex);
        _decoder.Status("0f2f0161").Should().Be(HpackStatus.BadIndex);
        _decoder.Fields("40016101 62 be").Should().Equal("a: b", "a: b");
        _decoder.Status("bf").Should().Be(HpackStatus.BadIndex);
        _decoder.Status("ff80808007").Should().Be(HpackStatus.BadIndex);
    }

    [Fact]
    public void S4_1_an_entry_counts_32_besides_its_bytes()
    {
        _decoder.Fields("40 0161 0162").Should().Equal("a: b");
        _decoder.TableSize.Should().Be(34);
        _decoder.Fields("40 00 00").Should().Equal(": ");
        _decoder.TableSize.Should().Be(66);
    }

    [Fact]
    public void S4_2_a_size_above_the_announced_one_is_an_error()
    {
        _decoder.Status("3fe11f").Should().Be(HpackStatus.Done, "4096 is what was announced");
        _decoder.Status("3fe21f").Should().Be(HpackStatus.BadSizeUpdate);
        var larger = new HpackDecoder(8192);
        larger.Status("3fe13f").Should().Be(HpackStatus.Done);
        larger.Status("3fe23f").Should().Be(HpackStatus.BadSizeUpdate);
    }

    [Fact]
    public void S4_2_a_smaller_size_holds_once_the_peer_acknowledged_it()
    {
        var decoder = new HpackDecoder(100);
        decoder.Fields("40 0161 0162 40 0161 0163 40 0161 0164").Should().HaveCount(3);
        decoder.Entries.Should().Be(3, "the peer does not know yet that the table is to be smaller");
        decoder.OnSettingsAcknowledged();
        decoder.Status("82").Should().Be(HpackStatus.MissingSizeUpdate);
        decoder.Status("3f46 be").Should().Be(HpackStatus.BadSizeUpdate, "that is 101");
        decoder.Fields("3f45 be").Should().Equal("a: d");
        decoder.Entries.Should().Be(2);
        decoder.Fields("bf").Should().Equal("a: c");
    }

    [Fact]
    public void S4_2_no_update_is_asked_for_where_the_table_is_not_too_large_already()
    {
        var decoder = new HpackDecoder(100);
        decoder.Status("30").Should().Be(HpackStatus.Done);
        decoder.OnSettingsAcknowledged();
        decoder.Status("82").Should().Be(HpackStatus.Done);
        var larger = new HpackDecoder(65536);
        larger.OnSettingsAcknowledged();
        larger.Status("82").Should().Be(HpackStatus.Done);
    }

    [Fact]
    public void S4_2_updates_stand_at_the_beginning_of_a_block_only()
    {
        _decoder.Status("30 3fe11f 82").Should().Be(HpackStatus.Done, "the smallest, then the last");
        _decoder.Status("82 30").Should().Be(HpackStatus.BadSizeUpdate);
        _decoder.Status("40 0161 0162 3fe11f").Should().Be(HpackStatus.BadSizeUpdate);
    }

    [Fact]
    public void S4_3_a_smaller_table_evicts_the_oldest_entries()
    {
        _decoder.Fields("40 0161 0162 40 0161 0163 40 0161 0164").Should().HaveCount(3);
        _decoder.Fields("3f26 be").Should().Equal("a: d");
        _decoder.Entries.Should().Be(2, "two of 34 are not more than 69");
        _decoder.Fields("20 3fe11f").Should().BeEmpty();
        _decoder.Entries.Should().Be(0);
        _decoder.Status("be").Should().Be(HpackStatus.BadIndex);
    }

    [Fact]
    public void S4_4_an_entry_larger_than_the_table_empties_it_and_is_no_error()
    {
        _decoder.Fields("3f03 40 0161 0162").Should().Equal("a: b");
        _decoder.Entries.Should().Be(1, "34 is what the table holds");
        _decoder.Fields("40 0161 026263").Should().Equal("a: bc");
        _decoder.Entries.Should().Be(0);
        _decoder.TableSize.Should().Be(0);
    }

    [Fact]
    public void S4_4_the_name_of_an_entry_that_is_evicted_for_the_new_one()
    {
        _decoder.Fields("3f03 40 0161 0162").Should().Equal("a: b");
        _decoder.Fields("7e 0163 be").Should().Equal("a: c", "a: c");
        _decoder.Entries.Should().Be(1);
        _decoder.Fields("7e 026364").Should().Equal("a: cd");
        _decoder.Entries.Should().Be(0);
    }

    [Fact]
    public void S4_4_names_of_evicted_entries_last_however_the_table_moves()
    {
        // A table that holds one entry of any size up to 4064: each takes its name from the one before.
        var name = new string('n', 1500);
        var decoder = new HpackDecoder(4096);
        var first = new List<byte> { 0x40, 0x7F, 0xDD, 0x0A };
        first.AddRange(System.Text.Encoding.ASCII.GetBytes(name));
        first.AddRange([1, (byte)'0']);
        decoder.Taken([.. first]).Should().ContainSingle().Which.Name.Should().Be(name);
        for (var i = 1; i < 300; i++)
        {
            var length = 1 + (i * 37 % 126);
            byte[] block = [0x7E, (byte)length, .. Enumerable.Repeat((byte)('0' + (i % 10)), length), 0xBE];
            decoder.Taken(block).Should().AllSatisfy(field =>
            {
                field.Name.Should().Be(name);
                field.Value.Should().Be(new string((char)('0' + (i % 10)), length));
            }).And.HaveCount(2);
        }
    }

    [Theory]
    [InlineData("ff8080808080808001")]
    [InlineData("ff808080808000")]
    [InlineData("ffffffffff0f")]
    [InlineData("7fffffffffff0f")]
    [InlineData("0fffffffffff0f")]
    [InlineData("3fffffffffff0f")]
    [InlineData("40 7fffffffffff0f")]
    [InlineData("40 0161 ffffffffffff7f")]
    public void S5_1_integers_too_large_or_too_long_are_errors(string hex) => _decoder.Status(hex).Should().Be(HpackStatus.BadInteger);

    [Fact]
    public void S5_1_zeros_in_front_are_allowed_up_to_a_bound()
    {
        _decoder.Status("ff8000").Should().Be(HpackStatus.BadIndex, "that is 127");
        _decoder.Status("ff808080").Should().Be(HpackStatus.Truncated, "the integer has no end");
        _decoder.Status("40 7f8000").Should().Be(HpackStatus.Truncated, "127 octets of a name are not there");
        _decoder.Fields("1f80808000 0162").Should().Equal("accept-charset: b");
    }

    [Theory]
    [InlineData("83ffffff", "padding alone, of 24 bits")]
    [InlineData("81ff", "padding alone, of 8 bits")]
    [InlineData("821fff", "'a' and 11 bits of padding")]
    [InlineData("8118", "'a' and padding of zeros")]
    [InlineData("811e", "'a' and padding that ends with a zero")]
    [InlineData("84fffffffc", "EOS")]
    [InlineData("84ffffffff", "EOS and ones")]
    [InlineData("851fffffffff", "'a' and EOS")]
    [InlineData("8a1c6490b2cdffffffffff", "text and EOS in the middle of more")]
    public void S5_2_strings_with_EOS_or_wrong_padding_are_errors(string text, string because)
    {
        _decoder.Status("40 0161" + text).Should().Be(HpackStatus.BadHuffman, because);
        _decoder.Status("00" + text + "0161").Should().Be(HpackStatus.BadHuffman, because);
    }

    [Theory]
    [InlineData("80", "")]
    [InlineData("811f", "a")]
    [InlineData("8418c631ff", "aaaaa")]
    public void S5_2_padding_of_up_to_7_ones_is_none_of_the_text(string text, string value) => _decoder.Fields("40 0161" + text).Should().Equal("a: " + value);

    [Fact]
    public void S6_1_index_0_is_an_error() => _decoder.Status("80").Should().Be(HpackStatus.BadIndex);

    [Fact]
    public void S6_2_1_a_literal_with_indexing_goes_into_the_table()
    {
        _decoder.Fields("400161 0162 41 0163").Should().Equal("a: b", ":authority: c");
        _decoder.Fields("be bf").Should().Equal(":authority: c", "a: b");
    }

    [Theory]
    [InlineData("00 0161 0162", false)]
    [InlineData("10 0161 0162", true)]
    public void S6_2_2_and_3_other_literals_do_not_and_say_whether_anybody_may(string hex, bool isNeverIndexed)
    {
        _decoder.Taken(Blocks.Bytes(hex)).Should().ContainSingle().Which.Should().Be(new TakenField("a", "b", false, false, isNeverIndexed));
        _decoder.Entries.Should().Be(0);
        _decoder.Taken(Blocks.Bytes("0f0d 0162 1f0d 0163")).Should().Equal(
            new TakenField("content-length", "b", true, false, false),
            new TakenField("content-length", "c", true, false, true));
    }

    [Fact]
    public void What_was_accepted_once_comes_as_checked_again()
    {
        var taken = _decoder.Taken(Blocks.Bytes("40 0161 0162 be 7e 0163 be 82"));
        taken.Should().Equal(
            new TakenField("a", "b", false, false, false),
            new TakenField("a", "b", true, true, false),
            new TakenField("a", "c", true, false, false),
            new TakenField("a", "c", true, true, false),
            new TakenField(":method", "GET", true, true, false));
    }

    [Fact]
    public void Fields_behind_one_that_is_refused_are_dropped_and_the_table_is_kept_right()
    {
        var fields = new TakenFields { Limit = 1 };
        _decoder.Decode(Blocks.Bytes("40 0161 0162 40 0163 0164 7e 0165 82"), ref fields).Should().Be(HpackStatus.Stopped);
        fields.Texts.Should().Equal("a: b");
        _decoder.Taken(Blocks.Bytes("be bf c0")).Should().Equal(
            new TakenField("c", "e", false, false, false),
            new TakenField("c", "d", false, false, false),
            new TakenField("a", "b", false, false, false));
    }

    [Fact]
    public void An_error_behind_a_refused_field_is_still_an_error()
    {
        var fields = new TakenFields { Limit = 1 };
        _decoder.Decode(Blocks.Bytes("82 80"), ref fields).Should().Be(HpackStatus.BadIndex);
    }

    [Fact]
    public void A_block_may_be_empty() => _decoder.Fields("").Should().BeEmpty();

    [Fact]
    public void Strings_longer_than_the_stack_are_decoded_too()
    {
        var encoder = new HpackEncoder();
        var name = new string('n', 1200);
        var value = new string('e', 40_000);
        _decoder.Taken(encoder.Block((name, value), (name, "v"), ("a", value + value))).Select(static field => (field.Name, field.Value))
            .Should().Equal((name, value), (name, "v"), ("a", value + value));
    }

    [Fact]
    public void Steady_traffic_takes_nothing_of_the_heap()
    {
        var encoder = new HpackEncoder();
        var blocks = Enumerable.Range(0, 400).Select(i => encoder.Block(
            (":method", "GET"), (":path", $"/{i}"), ("user-agent", "test"), ("x-some", $"{i}"), ("x-other", $"{i % 7}"), ("date", $"{i / 10}"))).ToArray();
        var least = long.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var decoder = new HpackDecoder(4096);
            var fields = default(NoFields);
            var before = 0L;
            for (var i = 0; i < blocks.Length; i++)
            {
                before = i == 300 ? GC.GetAllocatedBytesForCurrentThread() : before;
                if (decoder.Decode(blocks[i], ref fields) != HpackStatus.Done)
                {
                    Assert.Fail("a block was refused");
                }
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        least.Should().Be(0);
    }

    private struct NoFields : IHpackFields
    {
        public bool OnField(scoped HpackField field) => true;
    }
}
