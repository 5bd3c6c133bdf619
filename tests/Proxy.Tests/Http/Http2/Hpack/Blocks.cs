using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>Header blocks in and out, as text.</summary>
internal static class Blocks
{
    public static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    /// <summary>Decodes a block that must be good; the fields as "name: value".</summary>
    public static string[] Fields(this HpackDecoder decoder, string hex)
    {
        var fields = new TakenFields();
        decoder.Decode(Bytes(hex), ref fields).Should().Be(HpackStatus.Done);
        return [.. fields.Texts];
    }

    /// <summary>Decodes a block; returns what came of it.</summary>
    public static HpackStatus Status(this HpackDecoder decoder, string hex)
    {
        var fields = new TakenFields();
        return decoder.Decode(Bytes(hex), ref fields);
    }

    /// <summary>Decodes a block that must be good.</summary>
    public static List<TakenField> Taken(this HpackDecoder decoder, ReadOnlySpan<byte> block)
    {
        var fields = new TakenFields();
        decoder.Decode(block, ref fields).Should().Be(HpackStatus.Done);
        return fields.All;
    }

    /// <summary>Encodes a block.</summary>
    public static byte[] Block(this HpackEncoder encoder, params (string Name, string Value)[] fields)
    {
        var writer = new ByteWriter(new byte[HpackEncoder.MaxBeginLength + fields.Sum(static field => HpackEncoder.MaxLength(field.Name.Length, field.Value.Length))]);
        encoder.Begin(ref writer);
        foreach (var (name, value) in fields)
        {
            encoder.Write(ref writer, Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
        }

        return writer.Written.ToArray();
    }

    /// <summary>Encodes a block, as hexadecimal text in lower case.</summary>
    public static string Hex(this HpackEncoder encoder, params (string Name, string Value)[] fields) => Convert.ToHexStringLower(encoder.Block(fields));
}
