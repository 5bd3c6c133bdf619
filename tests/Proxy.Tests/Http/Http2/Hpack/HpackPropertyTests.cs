using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>Random blocks, whole and in pieces.</summary>
public sealed class HpackPropertyTests
{
    private static readonly Gen<string> Name = Gen.OneOf(
        AnyOf(":method", ":path", ":status", "server", "date", "cookie", "authorization", "content-type", "content-length", "x-a", "x-b", "grpc-status", "x-request-id"),
        Gen.String[Gen.Char["abc-"], 1, 40],
        Gen.String[Gen.Char["abc-\u00ff\u0000"], 0, 900]);

    private static readonly Gen<string> Value = Gen.OneOf(
        AnyOf("", "GET", "/", "a", "b", "application/grpc", "0"),
        Gen.String[Gen.Char["abcXYZ09 ;=/"], 0, 60],
        Gen.String[Gen.Char["ab\u00fe\u0001"], 0, 2500]);

    private static readonly Gen<(string Name, string Value)[]> Fields = Gen.Select(Name, Value).Array[0, 12];

    /// <summary>Blocks, each with the table sizes that the decoder's side asks for before it.</summary>
    private static readonly Gen<((string Name, string Value)[] Fields, int[] Sizes)[]> Conversation =
        Gen.Select(Fields, Gen.OneOf(Gen.Const(Array.Empty<int>()), Gen.OneOf(Gen.Int[0, 200], Gen.Int[0, 9000]).Array[1, 3])).Array[1, 30];

    private static Gen<string> AnyOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    [Fact]
    public void What_the_encoder_writes_the_decoder_reads() => Conversation.Sample(static blocks =>
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder(9000);
        foreach (var (fields, sizes) in blocks)
        {
            foreach (var size in sizes)
            {
                encoder.SetPeerTableSize(size);
            }

            var taken = new TakenFields();
            if (decoder.Decode(encoder.Block(fields), ref taken) != HpackStatus.Done
                || !taken.All.Select(static field => (field.Name, field.Value)).SequenceEqual(fields)
                || (decoder.Entries, decoder.TableSize) != (encoder.Entries, encoder.TableSize))
            {
                return false;
            }
        }

        return true;
    }, iter: 2000);

    [Fact]
    public void A_block_cut_short_gives_its_whole_fields_and_an_error_or_nothing_more() => Fields.Sample(static fields =>
    {
        var block = new HpackEncoder().Block(fields);
        for (var length = 0; length < block.Length; length += block.Length > 400 ? 13 : 1)
        {
            var taken = new TakenFields();
            var status = new HpackDecoder(4096).Decode(block.AsSpan(0, length), ref taken);
            if (status is not (HpackStatus.Done or HpackStatus.Truncated)
                || taken.All.Count > fields.Length
                || !taken.All.Select(static field => (field.Name, field.Value)).SequenceEqual(fields.Take(taken.All.Count)))
            {
                return false;
            }
        }

        return true;
    }, iter: 300);

    [Fact]
    public void Random_bytes_give_a_verdict_and_keep_the_table_within_its_size() => Gen.Byte.Array[0, 120].Array[1, 6].Sample(static blocks =>
    {
        var decoder = new HpackDecoder(300);
        decoder.OnSettingsAcknowledged();
        foreach (var block in blocks)
        {
            var taken = new TakenFields();
            // Continues after an error, as a connection does not: the table must hold nevertheless.
            decoder.Decode([0x3F, 0xBD, 0x01, .. block], ref taken);
            if (decoder.TableSize > 300 || decoder.Entries > 300 / DynamicTable.EntryOverhead)
            {
                return false;
            }
        }

        return true;
    }, iter: 20_000);

    [Fact]
    public void A_table_of_any_size_holds_what_it_must_and_takes_little_memory() => Gen.Select(Gen.Int[0, 5000], Gen.Int[0, 2000].Array[1, 200]).Sample(static (size, lengths) =>
    {
        var table = new DynamicTable(size);
        var kept = new List<byte[]>();
        foreach (var length in lengths)
        {
            var value = new byte[length];
            Array.Fill(value, (byte)(length % 251));
            if (!table.Fits(1, length))
            {
                continue;
            }

            table.Add("n"u8, value);
            kept.Add(value);
            var left = size;
            for (var age = 0; age < kept.Count; age++)
            {
                left -= 33 + kept[^(age + 1)].Length;
                var sequence = table.Newest - (uint)age;
                table.IsThere(sequence).Should().Be(left >= 0);
                if (left < 0)
                {
                    break;
                }

                table[sequence].ValueIn(table.Line(sequence)).SequenceEqual(kept[^(age + 1)]).Should().BeTrue();
            }
        }

        table.Allocated.Should().BeLessThanOrEqualTo(Math.Max(512, 4 * size));
    }, iter: 300);
}
