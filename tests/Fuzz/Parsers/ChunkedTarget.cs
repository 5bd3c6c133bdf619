using System.Text;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>The chunked coding: what comes out does not depend on the splitting, and is what the reference reads.</summary>
internal sealed class ChunkedTarget : IParserTarget
{
    private readonly Pieces _pieces = new();
    private readonly ByteText _whole = new();
    private readonly ByteText _split = new();

    public byte[][] Corpus => Generation.Corpus.ChunkedBodies;

    public void Judge(ReadOnlySpan<byte> input, FuzzRandom random)
    {
        _pieces.Begin();
        _pieces.CutNowhere();
        var whole = BodyDecoder.For(BodyFraming.Chunked);
        var wholeEnd = _pieces.Decode(ref whole, input, _whole);
        _pieces.Cut(input.Length, random);
        var split = BodyDecoder.For(BodyFraming.Chunked);
        var splitEnd = _pieces.Decode(ref split, input, _split);
        Expect.Equal(whole.Error, split.Error, "the error, whole and split");
        Expect.Equal(whole.IsComplete, split.IsComplete, "completeness, whole and split");
        Expect.Equal(wholeEnd, splitEnd, "the end, whole and split");
        Expect.Equal(_whole.Span, _split.Span, "the payload, whole and split");
        Expect.NoAllocation(_pieces.Allocated);

        var reference = ReferenceParser.Chunks(input);
        if (whole.Error != Http1Error.None)
        {
            Expect.Equal(reference.IsComplete() && IsWithinBounds(input), false, "completeness by the reference, where ours refused it");
            return;
        }

        Expect.Equal(reference.Reading == Reading.Complete, whole.IsComplete, $"completeness by the reference ({reference.Reading}: {reference.Problem}) and by ours");
        Expect.Equal(Encoding.Latin1.GetBytes(reference.Body), _whole.Span, "the payload by the reference and by ours");
        Expect.Equal(reference.IsComplete() ? reference.Consumed : wholeEnd, wholeEnd, "the end by the reference and by ours");
    }

    // What is short enough for every bound of ours, with no more digits in a row than a size may have.
    private static bool IsWithinBounds(ReadOnlySpan<byte> input)
    {
        var digits = 0;
        foreach (var b in input)
        {
            digits = char.IsAsciiHexDigit((char)b) ? digits + 1 : 0;
            if (digits > 15)
            {
                return false;
            }
        }

        return input.Length <= 4096;
    }

    public void Dispose()
    {
    }
}
