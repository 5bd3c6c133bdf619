using System.Text;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Response heads and their bodies: nothing depends on the splitting, and what is taken is what the reference reads.</summary>
internal sealed class ResponseTarget : IParserTarget
{
    private readonly Pieces _pieces = new();
    private readonly ResponseHead _head = new();
    private readonly ResponseParser _parser;
    private readonly ByteText _whole = new();
    private readonly ByteText _split = new();
    private readonly ByteText _payload = new();

    public ResponseTarget() => _parser = new ResponseParser(_head);

    public byte[][] Corpus => Generation.Corpus.Responses;

    public void Judge(ReadOnlySpan<byte> input, FuzzRandom random)
    {
        var isHead = random.Once(6);
        _pieces.Begin();
        _pieces.Cut(input.Length, random);
        _ = Read(input, isHead, _split);
        _pieces.CutNowhere();
        var end = Read(input, isHead, _whole);
        Expect.Equal(_whole.Span, _split.Span, "what is read whole and split");
        Expect.NoAllocation(_pieces.Allocated);
        if (_parser.Error != Http1Error.None)
        {
            return;
        }

        var reference = ReferenceParser.Response(input, isHead, ended: false);
        if (end < 0)
        {
            Expect.True(!reference.HasHead || reference.Reading == Reading.Malformed, "the reference sees a whole head, ours waits for more");
            return;
        }

        Expect.True(reference.HasHead, $"ours takes a head that the reference refuses: {reference.Problem}");
        Expect.Equal(reference.Status, _head.Status, "the status");
        Expect.Equal(reference.MinorVersion, _head.MinorVersion, "the version");
        Heads.ExpectFields(reference, _head);
        var framing = _parser.Framing(isHead);
        Expect.Equal(!isHead && _head.Status is not (< 200 or 204 or 304) && reference.IsChunked, framing.Kind == BodyKind.Chunked, "chunked");
        var body = BodyDecoder.For(framing);
        var bodyEnd = _pieces.Decode(ref body, input[end..], _payload);
        if (body.Error == Http1Error.None)
        {
            Expect.Equal(reference.IsComplete(), body.IsComplete, $"completeness by the reference ({reference.Problem}) and by ours");
            Expect.Equal(Encoding.Latin1.GetBytes(reference.Body), _payload.Span, "the payload by the reference and by ours");
            Expect.Equal(reference.IsComplete() ? reference.Consumed : end + bodyEnd, end + bodyEnd, "the end by the reference and by ours");
        }
    }

    public void Dispose()
    {
    }

    /// <summary>Notes all that a head says; returns where it ends, -1 where it does not.</summary>
    private int Read(ReadOnlySpan<byte> input, bool isHead, ByteText verdict)
    {
        verdict.Clear();
        var status = _pieces.Feed(_parser, input, out _);
        verdict.AddNumber((long)status);
        verdict.AddNumber((long)_parser.Error);
        if (status != ParseStatus.Done)
        {
            return -1;
        }

        var framing = _parser.Framing(isHead);
        verdict.AddNumber(_parser.HeadEnd);
        verdict.AddNumber(_head.Status);
        verdict.AddNumber((long)framing.Kind);
        verdict.AddNumber(framing.Length);
        verdict.AddNumber(_parser.DeclaredLength);
        verdict.AddNumber(_parser.WantsClose ? 1 : 0);
        verdict.AddPart(_head.Reason);
        Heads.Note(_head, verdict);
        return _parser.HeadEnd;
    }
}
