using KubeProxyNet.Xds.Validation;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace KubeProxyNet.Xds.Loading;

/// <summary>
/// Turns the events of a YAML parser into a tree of nodes with their places. Every fault is collected; reading goes on behind it
/// where the structure is still certain.
/// </summary>
internal sealed class YamlTreeReader
{
    private const string MergeKey = "<<";

    // A JSON document is a valid YAML one, and its keys may be longer than the 1,024 characters that YAML grants.
    private const int MaxKeyLength = 16 * 1024;

    private readonly Parser _parser;
    private readonly int _lineOffset;
    private readonly ConfigErrors _errors;
    private readonly Dictionary<string, ConfigNode> _anchors = new(StringComparer.Ordinal);
    private int _nodes;
    private int _aliasNodes;

    public YamlTreeReader(TextReader text, int lineOffset, ConfigErrors errors)
    {
        _parser = new Parser(new Scanner(text, skipComments: true, MaxKeyLength));
        _lineOffset = lineOffset;
        _errors = errors;
    }

    /// <summary>Reads every document up to the end or the first syntax error.</summary>
    public void ReadDocuments(List<ConfigDocument> documents)
    {
        try
        {
            while (Advance())
            {
                if (_parser.Current is not DocumentStart)
                {
                    continue;
                }

                Advance();
                _anchors.Clear();
                (_nodes, _aliasNodes) = (0, 0);
                var before = _errors.Count;
                if (ReadNode(ConfigPath.Root, 0) is not { } root)
                {
                    return;
                }

                if (root is not ConfigScalar { IsNull: true })
                {
                    documents.Add(new ConfigDocument(_errors.File, root, _errors.Count > before));
                }
            }
        }
        catch (YamlException fault)
        {
            _errors.Add(Line(fault.Start), Column(fault.Start), ConfigPath.Root, "not valid YAML: " + Reason(fault), "check the indentation, quotes and brackets here");
        }
    }

    private bool Advance()
    {
        var end = _parser.Current?.End ?? Mark.Empty;
        try
        {
            return _parser.MoveNext();
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // The parser answers some malformed input with its own failed assumptions.
            throw new YamlException(end, end, "syntax error", fault);
        }
    }

    private static string Reason(YamlException fault)
    {
        var reason = fault.Message;
        return reason.Length == 0 ? "syntax error" : char.ToLowerInvariant(reason[0]) + reason[1..].TrimEnd('.');
    }

    /// <summary>Reads the current node; null where a limit was hit, after which nothing more may be read.</summary>
    private ConfigNode? ReadNode(ConfigPath path, int depth)
    {
        var start = _parser.Current!.Start;
        if (depth > _errors.Limits.MaxDepth)
        {
            return Refuse(start, path, $"nested deeper than {_errors.Limits.MaxDepth} levels", "flatten the document");
        }

        if (++_nodes > _errors.Limits.MaxNodes)
        {
            return Refuse(start, path, $"more than {_errors.Limits.MaxNodes} values in one document", "split the document");
        }

        return _parser.Current switch
        {
            AnchorAlias alias => ReadAlias(alias, path, depth),
            Scalar scalar => Anchored(scalar, ReadScalar(scalar, path)),
            SequenceStart sequence => Anchored(sequence, ReadSequence(sequence, path, depth)),
            MappingStart mapping => Anchored(mapping, ReadMapping(mapping, path, depth)),
            _ => Refuse(start, path, "unexpected end of the document", "complete the value"),
        };
    }

    private ConfigNode? ReadAlias(AnchorAlias alias, ConfigPath path, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
        {
            _errors.Add(Line(alias.Start), Column(alias.Start), path, $"alias *{alias.Value.Value} has no anchor before it", $"write &{alias.Value.Value} at the value that is meant");
            return new ConfigScalar(Line(alias.Start), Column(alias.Start), string.Empty, ConfigScalarKind.Null);
        }

        _aliasNodes += node.Size;
        _nodes += node.Size;
        if (_aliasNodes > _errors.Limits.MaxAliasNodes)
        {
            return Refuse(alias.Start, path, $"aliases stand for more than {_errors.Limits.MaxAliasNodes} values", "write the values out");
        }

        return depth + node.Height > _errors.Limits.MaxDepth
            ? Refuse(alias.Start, path, $"an alias nests deeper than {_errors.Limits.MaxDepth} levels", "flatten the document")
            : node;
    }

    private ConfigNode? Anchored(NodeEvent at, ConfigNode? node)
    {
        if (node is not null && !at.Anchor.IsEmpty)
        {
            _anchors[at.Anchor.Value] = node;
        }

        return node;
    }

    private ConfigScalar ReadScalar(Scalar scalar, ConfigPath path)
    {
        var kind = scalar.Style == ScalarStyle.Plain ? ScalarSchema.Resolve(scalar.Value) : ConfigScalarKind.Text;
        if (!scalar.Tag.IsEmpty)
        {
            if (scalar.Tag.Value is "!" or "tag:yaml.org,2002:str")
            {
                kind = ConfigScalarKind.Text;
            }
            else
            {
                RefuseTag(scalar, path);
            }
        }

        return new ConfigScalar(Line(scalar.Start), Column(scalar.Start), scalar.Value, kind);
    }

    private ConfigSequence? ReadSequence(SequenceStart start, ConfigPath path, int depth)
    {
        if (!start.Tag.IsEmpty)
        {
            RefuseTag(start, path);
        }

        var items = new List<ConfigNode>();
        while (Advance() && _parser.Current is not SequenceEnd)
        {
            if (ReadNode(path.Index(items.Count), depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new ConfigSequence(Line(start.Start), Column(start.Start), items);
    }

    private ConfigMapping? ReadMapping(MappingStart start, ConfigPath path, int depth)
    {
        if (!start.Tag.IsEmpty)
        {
            RefuseTag(start, path);
        }

        var members = new List<ConfigMember>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        while (Advance() && _parser.Current is not MappingEnd)
        {
            var at = _parser.Current!.Start;
            if (ReadNode(path, depth + 1) is not { } keyNode)
            {
                return null;
            }

            var key = (keyNode as ConfigScalar)?.Text;
            Advance();
            if (ReadNode(key is null ? path : path.Field(key), depth + 1) is not { } value)
            {
                return null;
            }

            if (key is null)
            {
                _errors.Add(Line(at), Column(at), path, $"{keyNode.Describe()} is used as a key", "use text as the key");
            }
            else if (key == MergeKey)
            {
                _errors.Add(Line(at), Column(at), path.Field(key), "merge keys (<<) are not supported", "write the merged fields out, or use an alias for a whole value");
            }
            else if (!lines.TryAdd(key, Line(at)))
            {
                _errors.Add(Line(at), Column(at), path.Field(key), $"\"{key}\" stands twice in this mapping, first in line {lines[key]}", "remove one of the two");
            }
            else
            {
                members.Add(new ConfigMember(key, Line(at), Column(at), value));
            }
        }

        return new ConfigMapping(Line(start.Start), Column(start.Start), members);
    }

    private void RefuseTag(NodeEvent at, ConfigPath path) =>
        _errors.Add(Line(at.Start), Column(at.Start), path, $"the tag {at.Tag} is not supported", "remove the tag");

    private ConfigNode? Refuse(Mark at, ConfigPath path, string message, string remedy)
    {
        _errors.Add(Line(at), Column(at), path, message, remedy);
        return null;
    }

    private int Line(Mark mark) => (int)mark.Line + _lineOffset;

    private static int Column(Mark mark) => (int)mark.Column;
}
