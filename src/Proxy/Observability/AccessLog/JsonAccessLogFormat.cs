using System.Text;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A JSON format: a tree of objects and arrays with format strings as leaves.</summary>
internal sealed class JsonAccessLogFormat : AccessLogFormat
{
    private readonly Node _root;
    private readonly bool _omitEmptyValues;

    internal JsonAccessLogFormat(JsonElement format, bool omitEmptyValues)
    {
        if (format.ValueKind != JsonValueKind.Object)
        {
            throw new AccessLogFormatException(0, "a JSON format is an object of names and format strings");
        }

        _omitEmptyValues = omitEmptyValues;
        _root = Compile(format, "json_format");
    }

    /// <inheritdoc/>
    public override AccessLogNeeds Needs => _root.Needs;

    private protected override ValueEscaping Escaping => ValueEscaping.Json;

    private protected override void Write(IAccessLogSource source, ref FormatSink sink)
    {
        _root.Write(source, _omitEmptyValues, ref sink);
        sink.Raw("\n"u8);
    }

    private static Node Compile(JsonElement element, string path) => element.ValueKind switch
    {
        JsonValueKind.Object => new ObjectNode(
            [.. element.EnumerateObject().OrderBy(static member => member.Name, StringComparer.Ordinal).Select(member => (Key(member.Name), Compile(member.Value, $"{path}.{member.Name}")))]),
        JsonValueKind.Array => new ArrayNode([.. element.EnumerateArray().Select((item, index) => Compile(item, $"{path}[{index}]"))]),
        JsonValueKind.String => CompileText(element.GetString()!, path),
        _ => new LiteralNode(Encoding.UTF8.GetBytes(element.GetRawText())),
    };

    private static Node CompileText(string text, string path)
    {
        AccessLogSegment[] segments;
        try
        {
            segments = AccessLogFormatParser.Parse(text);
        }
        catch (AccessLogFormatException exception)
        {
            throw new AccessLogFormatException(path, exception);
        }

        if (segments is [{ Operator: { } single }])
        {
            return new OperatorNode(single);
        }

        return new TextNode([.. segments.Select(static segment =>
            segment.Operator is null ? segment with { Literal = Escape(Encoding.UTF8.GetString(segment.Literal)) } : segment)]);
    }

    private static byte[] Key(string name) => [(byte)'"', .. Escape(name), (byte)'"', (byte)':'];

    private static byte[] Escape(string text) => JsonEncodedText.Encode(text).EncodedUtf8Bytes.ToArray();

    private abstract class Node
    {
        internal virtual AccessLogNeeds Needs => AccessLogNeeds.None;

        /// <summary>Writes the value; false, with nothing written, where there is none and empty values are left out.</summary>
        internal abstract bool Write(IAccessLogSource source, bool omitEmpty, ref FormatSink sink);
    }

    private sealed class ObjectNode((byte[] Key, Node Value)[] members) : Node
    {
        internal override AccessLogNeeds Needs => members.Aggregate(AccessLogNeeds.None, static (needs, member) => needs | member.Value.Needs);

        internal override bool Write(IAccessLogSource source, bool omitEmpty, ref FormatSink sink)
        {
            sink.Raw("{"u8);
            var first = true;
            foreach (var (key, value) in members)
            {
                var before = sink.Written;
                sink.Raw(first ? ""u8 : ","u8);
                sink.Raw(key);
                if (value.Write(source, omitEmpty, ref sink))
                {
                    first = false;
                }
                else
                {
                    sink.Rewind(before);
                }
            }

            sink.Raw("}"u8);
            return true;
        }
    }

    private sealed class ArrayNode(Node[] items) : Node
    {
        internal override AccessLogNeeds Needs => items.Aggregate(AccessLogNeeds.None, static (needs, item) => needs | item.Needs);

        internal override bool Write(IAccessLogSource source, bool omitEmpty, ref FormatSink sink)
        {
            sink.Raw("["u8);
            for (var i = 0; i < items.Length; i++)
            {
                sink.Raw(i == 0 ? ""u8 : ","u8);
                if (!items[i].Write(source, omitEmpty, ref sink))
                {
                    // An item keeps its place, or the ones after it would change their meaning.
                    sink.Raw("null"u8);
                }
            }

            sink.Raw("]"u8);
            return true;
        }
    }

    private sealed class OperatorNode(AccessLogOperator single) : Node
    {
        internal override AccessLogNeeds Needs => single.Needs;

        internal override bool Write(IAccessLogSource source, bool omitEmpty, ref FormatSink sink)
        {
            var before = sink.Written;
            sink.Raw(single.IsNumber ? ""u8 : "\""u8);
            if (single.Write(source, ref sink))
            {
                sink.Raw(single.IsNumber ? ""u8 : "\""u8);
                return true;
            }

            sink.Rewind(before);
            sink.Raw(omitEmpty ? ""u8 : "null"u8);
            return !omitEmpty;
        }
    }

    private sealed class TextNode(AccessLogSegment[] segments) : Node
    {
        internal override AccessLogNeeds Needs => TextAccessLogFormat.NeedsOf(segments);

        internal override bool Write(IAccessLogSource source, bool omitEmpty, ref FormatSink sink)
        {
            sink.Raw("\""u8);
            TextAccessLogFormat.WriteSegments(segments, omitEmpty, source, ref sink);
            sink.Raw("\""u8);
            return true;
        }
    }

    private sealed class LiteralNode(byte[] json) : Node
    {
        internal override bool Write(IAccessLogSource source, bool omitEmpty, ref FormatSink sink)
        {
            sink.Raw(json);
            return true;
        }
    }
}
