using System.Runtime.InteropServices;
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
    private const int MaxSharedKeys = 4096;

    // Up to so many members a mapping's keys are compared one by one.
    private const int FewMembers = 16;

    private readonly Parser _parser;
    private readonly int _lineOffset;
    private readonly ConfigErrors _errors;
    private readonly Dictionary<string, ConfigNode> _anchors = new(StringComparer.Ordinal);

    // Large files repeat few keys: each is kept once.
    private readonly Dictionary<string, string> _keys = new(StringComparer.Ordinal);

    // What is being read, from the root down: a path is only made of it for an error. The nodes of all open lists and mappings lie in one list each.
    private readonly List<(string? Field, int Index)> _steps = [];
    private readonly List<ConfigNode> _items = [];
    private readonly List<ConfigMember> _members = [];
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
                _steps.Clear();
                _items.Clear();
                _members.Clear();
                (_nodes, _aliasNodes) = (0, 0);
                var before = _errors.Count;
                if (ReadNode(0) is not { } root)
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
    private ConfigNode? ReadNode(int depth)
    {
        if (!MayRead(depth))
        {
            return null;
        }

        return _parser.Current switch
        {
            AnchorAlias alias => ReadAlias(alias, depth),
            Scalar scalar => Anchored(scalar, ReadScalar(scalar)),
            SequenceStart sequence => Anchored(sequence, ReadSequence(sequence, depth)),
            MappingStart mapping => Anchored(mapping, ReadMapping(mapping, depth)),
            _ => Refuse(_parser.Current!.Start, "unexpected end of the document", "complete the value"),
        };
    }

    /// <summary>Counts the current node; false where it is one too many.</summary>
    private bool MayRead(int depth)
    {
        if (depth > _errors.Limits.MaxDepth)
        {
            Refuse(_parser.Current!.Start, $"nested deeper than {_errors.Limits.MaxDepth} levels", "flatten the document");
            return false;
        }

        if (++_nodes > _errors.Limits.MaxNodes)
        {
            Refuse(_parser.Current!.Start, $"more than {_errors.Limits.MaxNodes} values in one document", "split the document");
            return false;
        }

        return true;
    }

    private ConfigNode? ReadAlias(AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
        {
            _errors.Add(Line(alias.Start), Column(alias.Start), Path(), $"alias *{alias.Value.Value} has no anchor before it", $"write &{alias.Value.Value} at the value that is meant");
            return new ConfigScalar(Line(alias.Start), Column(alias.Start), string.Empty, ConfigScalarKind.Null);
        }

        _aliasNodes += node.Size;
        _nodes += node.Size;
        if (_aliasNodes > _errors.Limits.MaxAliasNodes)
        {
            return Refuse(alias.Start, $"aliases stand for more than {_errors.Limits.MaxAliasNodes} values", "write the values out");
        }

        return depth + node.Height > _errors.Limits.MaxDepth
            ? Refuse(alias.Start, $"an alias nests deeper than {_errors.Limits.MaxDepth} levels", "flatten the document")
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

    private ConfigScalar ReadScalar(Scalar scalar)
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
                RefuseTag(scalar);
            }
        }

        return new ConfigScalar(Line(scalar.Start), Column(scalar.Start), scalar.Value, kind);
    }

    private ConfigSequence? ReadSequence(SequenceStart start, int depth)
    {
        if (!start.Tag.IsEmpty)
        {
            RefuseTag(start);
        }

        var (line, column) = (Line(start.Start), Column(start.Start));
        var first = _items.Count;
        while (Advance() && _parser.Current is not SequenceEnd)
        {
            _steps.Add((null, _items.Count - first));
            if (ReadNode(depth + 1) is not { } item)
            {
                return null;
            }

            _steps.RemoveAt(_steps.Count - 1);
            _items.Add(item);
        }

        return new ConfigSequence(line, column, TakeFrom(_items, first));
    }

    private ConfigMapping? ReadMapping(MappingStart start, int depth)
    {
        if (!start.Tag.IsEmpty)
        {
            RefuseTag(start);
        }

        var (line, column) = (Line(start.Start), Column(start.Start));
        var first = _members.Count;
        Dictionary<string, int>? lines = null;
        while (Advance() && _parser.Current is not MappingEnd)
        {
            var at = _parser.Current!.Start;
            if (!TryReadKey(depth + 1, out var key, out var otherKey))
            {
                return null;
            }

            Advance();
            if (key is not null)
            {
                _steps.Add((key, 0));
            }

            if (ReadNode(depth + 1) is not { } value)
            {
                return null;
            }

            if (key is null)
            {
                _errors.Add(Line(at), Column(at), Path(), $"{otherKey!.Describe()} is used as a key", "use text as the key");
                continue;
            }

            if (key == MergeKey)
            {
                _errors.Add(Line(at), Column(at), Path(), "merge keys (<<) are not supported", "write the merged fields out, or use an alias for a whole value");
            }
            else if (FindLine(key, first, ref lines) is { } earlier)
            {
                _errors.Add(Line(at), Column(at), Path(), $"\"{key}\" stands twice in this mapping, first in line {earlier}", "remove one of the two");
            }
            else
            {
                _members.Add(new ConfigMember(key, Line(at), Column(at), value));
                lines?.Add(key, Line(at));
            }

            _steps.RemoveAt(_steps.Count - 1);
        }

        return new ConfigMapping(line, column, TakeFrom(_members, first));
    }

    /// <summary>Reads a key; false where a limit was hit.</summary>
    /// <param name="depth">Of the key.</param>
    /// <param name="key">Its text; null where it is something else.</param>
    /// <param name="other">What it is then.</param>
    private bool TryReadKey(int depth, out string? key, out ConfigNode? other)
    {
        (key, other) = (null, null);
        if (_parser.Current is Scalar { Anchor.IsEmpty: true, Tag.IsEmpty: true } plain)
        {
            key = Shared(plain.Value);
            return MayRead(depth);
        }

        other = ReadNode(depth);
        key = (other as ConfigScalar)?.Text;
        return other is not null;
    }

    private string Shared(string key)
    {
        if (_keys.TryGetValue(key, out var shared))
        {
            return shared;
        }

        if (_keys.Count < MaxSharedKeys)
        {
            _keys.Add(key, key);
        }

        return key;
    }

    /// <summary>The line of a key among the members from an index on; null where it is not there.</summary>
    private int? FindLine(string key, int first, ref Dictionary<string, int>? lines)
    {
        if (lines is not null)
        {
            return lines.TryGetValue(key, out var line) ? line : null;
        }

        for (var i = first; i < _members.Count; i++)
        {
            if (string.Equals(_members[i].Key, key, StringComparison.Ordinal))
            {
                return _members[i].Line;
            }
        }

        if (_members.Count - first == FewMembers)
        {
            lines = _members.Skip(first).ToDictionary(static member => member.Key, static member => member.Line, StringComparer.Ordinal);
        }

        return null;
    }

    private static T[] TakeFrom<T>(List<T> open, int first)
    {
        var taken = CollectionsMarshal.AsSpan(open)[first..].ToArray();
        open.RemoveRange(first, open.Count - first);
        return taken;
    }

    private ConfigPath Path()
    {
        var path = ConfigPath.Root;
        foreach (var (field, index) in _steps)
        {
            path = field is null ? path.Index(index) : path.Field(field);
        }

        return path;
    }

    private void RefuseTag(NodeEvent at) =>
        _errors.Add(Line(at.Start), Column(at.Start), Path(), $"the tag {at.Tag} is not supported", "remove the tag");

    private ConfigNode? Refuse(Mark at, string message, string remedy)
    {
        _errors.Add(Line(at), Column(at), Path(), message, remedy);
        return null;
    }

    private int Line(Mark mark) => (int)mark.Line + _lineOffset;

    private static int Column(Mark mark) => (int)mark.Column;
}
