using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Runs the parsers over bytes given whole or in pieces and writes down all that came out.</summary>
internal static class Heads
{
    /// <summary>Everything a request parser says of a text: the error, or the whole head.</summary>
    public static string Request(string text, params ReadOnlySpan<int> cuts)
    {
        var head = new RequestHead();
        var parser = new RequestParser(head);
        var status = Feed(parser, Encoding.Latin1.GetBytes(text), cuts);
        if (status != ParseStatus.Done)
        {
            return status == ParseStatus.Failed ? parser.Error.ToString() : "more";
        }

        parser.HeadEnd.Should().Be(EndOfHead(text));
        return $"{Latin1(head.Method)} {Latin1(head.Target)} [{Latin1(head.Path)}?{Latin1(head.Query)}] 1.{head.MinorVersion} @{Latin1(head.Authority)} "
            + $"{parser.Framing.Kind}:{parser.Framing.Length}"
            + $"{(parser.WantsClose ? " close" : "")}{(parser.ExpectsContinue ? " expect" : "")}{(parser.WantsUpgrade ? " upgrade" : "")}"
            + $"{(parser.NominatesFields ? " nominates" : "")}{Fields(head)}";
    }

    /// <summary>Everything a response parser says of a text.</summary>
    public static string Response(string text, bool isHead = false, params ReadOnlySpan<int> cuts)
    {
        var head = new ResponseHead();
        var parser = new ResponseParser(head);
        var status = Feed(parser, Encoding.Latin1.GetBytes(text), cuts);
        if (status != ParseStatus.Done)
        {
            return status == ParseStatus.Failed ? parser.Error.ToString() : "more";
        }

        parser.HeadEnd.Should().Be(EndOfHead(text));
        var framing = parser.Framing(isHead);
        return $"1.{head.MinorVersion} {head.Status} '{Latin1(head.Reason)}' {framing.Kind}:{framing.Length} declared={parser.DeclaredLength}"
            + $"{(parser.WantsClose ? " close" : "")}{Fields(head)}";
    }

    /// <summary>
    /// Feeds a parser. What it must not read yet is filled with line ends that would change the verdict; each piece comes in a new array.
    /// </summary>
    public static ParseStatus Feed(HeadParser parser, byte[] bytes, ReadOnlySpan<int> cuts)
    {
        parser.Begin(0);
        var storage = Array.Empty<byte>();
        var status = ParseStatus.NeedMore;
        var from = 0;
        for (var i = 0; i <= cuts.Length && status == ParseStatus.NeedMore; i++)
        {
            var end = i < cuts.Length ? cuts[i] : bytes.Length;
            var next = new byte[bytes.Length + 64];
            next.AsSpan().Fill((byte)'\n');
            storage.AsSpan(0, from).CopyTo(next);
            bytes.AsSpan(from, end - from).CopyTo(next.AsSpan(from));
            storage = next;
            from = end;
            status = parser.Parse(storage, end);
        }

        return status;
    }

    /// <summary>A body's payload and what became of it: <c>payload|rest</c>, or the error, or "more".</summary>
    public static string Body(BodyFraming framing, string text, params ReadOnlySpan<int> cuts)
    {
        var decoder = BodyDecoder.For(framing);
        var payload = new StringBuilder();
        var bytes = Encoding.Latin1.GetBytes(text);
        var position = 0;
        for (var i = 0; i <= cuts.Length && !decoder.IsComplete; i++)
        {
            var end = i < cuts.Length ? cuts[i] : bytes.Length;
            var piece = bytes[position..end];
            var length = decoder.Decode(piece, out var consumed);
            payload.Append(Encoding.Latin1.GetString(piece, 0, length));
            if (decoder.Error != Http1Error.None)
            {
                return decoder.Error.ToString();
            }

            position += consumed;
        }

        return decoder.IsComplete ? $"{payload}|{text[position..]}" : $"more after {payload}";
    }

    private static int EndOfHead(string text)
    {
        var start = text.Length - text.TrimStart('\r', '\n').Length;
        return text.IndexOf("\r\n\r\n", start, StringComparison.Ordinal) + 4;
    }

    private static string Fields(MessageHead head)
    {
        var text = new StringBuilder();
        foreach (var field in head.Fields)
        {
            text.Append($" {Latin1(head.Span(field.Name))}={Latin1(head.Span(field.Value))};");
        }

        return text.ToString();
    }

    private static string Latin1(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
