using System.Text;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Requests: nothing depends on the splitting, what is taken is what the reference reads, and so is what goes upstream in its place.</summary>
internal sealed class RequestTarget : IParserTarget
{
    private readonly Pieces _pieces = new();
    private readonly RequestRewriter _rewriter = new();
    private readonly ByteText _whole = new();
    private readonly ByteText _split = new();
    private readonly ByteText _payload = new();

    public byte[][] Corpus => Generation.Corpus.Requests;

    private RequestHead Head => _rewriter.Exchange.Request;

    private RequestParser Parser => _rewriter.Exchange.Parser;

    public void Judge(ReadOnlySpan<byte> input, FuzzRandom random)
    {
        _rewriter.Begin(random);
        _pieces.Begin();
        _pieces.Cut(input.Length, random);
        _ = Read(input, _split);
        _pieces.CutNowhere();
        var body = Read(input, _whole);
        Expect.Equal(_whole.Span, _split.Span, "what is read whole and split");
        Expect.NoAllocation(_pieces.Allocated);
        if (Parser.Error != Http1Error.None || body.Error != Http1Error.None)
        {
            return;
        }

        var reference = ReferenceParser.Request(input);
        if (!_hasHead)
        {
            Expect.True(!reference.HasHead, "the reference sees a whole head, ours waits for more");
            return;
        }

        ExpectAgreement(reference, body);
        Parser.Begin(0);
        _ = _pieces.Feed(Parser, input, out _);
        if (_rewriter.Write(Parser.Framing, _payload.Span, body.IsComplete))
        {
            RewriteOracle.Judge(reference, ReferenceParser.Request(_rewriter.Output.Span), _rewriter);
        }
    }

    public void Dispose() => _rewriter.Dispose();

    private bool _hasHead;
    private int _end;

    private void ExpectAgreement(ReferenceMessage reference, BodyDecoder body)
    {
        Expect.True(reference.HasHead, $"ours takes a head that the reference refuses: {reference.Problem}");
        var (target, authority) = ReferenceParser.Destination(reference);
        Expect.Equal(Encoding.Latin1.GetBytes(reference.Method), Head.Method, "the method");
        Expect.Equal(Encoding.Latin1.GetBytes(authority), Head.Authority, "the authority");
        Expect.Equal(Encoding.Latin1.GetBytes(Head.IsConnect ? "" : target), Head.Target, "the target");
        Expect.Equal(reference.MinorVersion, Head.MinorVersion, "the version");
        Heads.ExpectFields(reference, Head);
        Expect.Equal(reference.IsChunked, Parser.Framing.Kind == BodyKind.Chunked, "chunked");
        Expect.Equal(reference.IsComplete(), body.IsComplete, $"completeness by the reference ({reference.Problem}) and by ours");
        Expect.Equal(Encoding.Latin1.GetBytes(reference.Body), _payload.Span, "the payload by the reference and by ours");
        Expect.Equal(reference.IsComplete() ? reference.Consumed : _end, _end, "the end by the reference and by ours");
    }

    /// <summary>Notes all that a request says.</summary>
    private BodyDecoder Read(ReadOnlySpan<byte> input, ByteText verdict)
    {
        verdict.Clear();
        var status = _pieces.Feed(Parser, input, out _);
        verdict.AddNumber((long)status);
        verdict.AddNumber((long)Parser.Error);
        _hasHead = status == ParseStatus.Done;
        if (!_hasHead)
        {
            return default;
        }

        verdict.AddNumber(Parser.HeadEnd);
        verdict.AddNumber((long)Parser.Framing.Kind);
        verdict.AddNumber(Parser.Framing.Length);
        verdict.AddNumber((Parser.WantsClose ? 1 : 0) + (Parser.ExpectsContinue ? 2 : 0) + (Parser.WantsUpgrade ? 4 : 0) + (Parser.NominatesFields ? 8 : 0) + (Head.IsConnect ? 16 : 0));
        verdict.AddPart(Head.Method);
        verdict.AddPart(Head.Target);
        verdict.AddPart(Head.Path);
        verdict.AddPart(Head.Query);
        verdict.AddPart(Head.Authority);
        Heads.Note(Head, verdict);

        var body = BodyDecoder.For(Parser.Framing);
        _end = Parser.HeadEnd + _pieces.Decode(ref body, input[Parser.HeadEnd..], _payload);
        verdict.AddNumber((long)body.Error);
        verdict.AddNumber(_end);
        verdict.AddPart(_payload.Span);
        return body;
    }
}
