using System.Text;
using System.Text.Json;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>Turns JSON (RFC 8259; no comments, no trailing commas) into a tree of nodes with their places.</summary>
internal ref struct JsonTreeReader
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly ConfigErrors _errors;
    private Utf8JsonReader _reader;
    private int _nodes;
    private int _line;
    private int _lineStart;
    private int _counted;

    public JsonTreeReader(ReadOnlySpan<byte> text, ConfigErrors errors)
    {
        _text = text;
        _errors = errors;
        // One level more than allowed, so that our own message is the one that is seen.
        _reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = errors.Limits.MaxDepth + 2 });
        _line = 1;
    }

    /// <summary>Reads the whole text; null after a syntax error or where a limit was hit.</summary>
    public ConfigNode? Read()
    {
        try
        {
            _reader.Read();
            var root = ReadNode(ConfigPath.Root, 0);
            if (root is not null)
            {
                // Anything but white space behind the value makes this throw.
                _reader.Read();
            }

            return root;
        }
        catch (JsonException fault)
        {
            var message = fault.Message;
            var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            _errors.Add(
                (int)(fault.LineNumber ?? 0) + 1,
                (int)(fault.BytePositionInLine ?? 0) + 1,
                ConfigPath.Root,
                "not valid JSON: " + (end < 0 ? message : message[..end]).TrimEnd('.'),
                "correct the syntax here");
            return null;
        }
        catch (InvalidOperationException)
        {
            var (line, column) = Place();
            _errors.Add(line, column, ConfigPath.Root, "not valid JSON: a string is not valid Unicode", "correct the escapes here");
            return null;
        }
    }

    private ConfigNode? ReadNode(ConfigPath path, int depth)
    {
        var (line, column) = Place();
        if (depth > _errors.Limits.MaxDepth)
        {
            _errors.Add(line, column, path, $"nested deeper than {_errors.Limits.MaxDepth} levels", "flatten the document");
            return null;
        }

        if (++_nodes > _errors.Limits.MaxNodes)
        {
            _errors.Add(line, column, path, $"more than {_errors.Limits.MaxNodes} values in one document", "split the document");
            return null;
        }

        return _reader.TokenType switch
        {
            JsonTokenType.StartObject => ReadMapping(line, column, path, depth),
            JsonTokenType.StartArray => ReadSequence(line, column, path, depth),
            JsonTokenType.String => new ConfigScalar(line, column, _reader.GetString()!, ConfigScalarKind.Text),
            JsonTokenType.Number => new ConfigScalar(line, column, Encoding.ASCII.GetString(_reader.ValueSpan), ConfigScalarKind.Number),
            JsonTokenType.True => new ConfigScalar(line, column, "true", ConfigScalarKind.Boolean),
            JsonTokenType.False => new ConfigScalar(line, column, "false", ConfigScalarKind.Boolean),
            _ => new ConfigScalar(line, column, "null", ConfigScalarKind.Null),
        };
    }

    private ConfigSequence? ReadSequence(int line, int column, ConfigPath path, int depth)
    {
        var items = new List<ConfigNode>();
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (ReadNode(path.Index(items.Count), depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new ConfigSequence(line, column, items);
    }

    private ConfigMapping? ReadMapping(int line, int column, ConfigPath path, int depth)
    {
        var members = new List<ConfigMember>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            var (keyLine, keyColumn) = Place();
            var key = _reader.GetString()!;
            _reader.Read();
            if (ReadNode(path.Field(key), depth + 1) is not { } value)
            {
                return null;
            }

            if (lines.TryAdd(key, keyLine))
            {
                members.Add(new ConfigMember(key, keyLine, keyColumn, value));
            }
            else
            {
                _errors.Add(keyLine, keyColumn, path.Field(key), $"\"{key}\" stands twice in this object, first in line {lines[key]}", "remove one of the two");
            }
        }

        return new ConfigMapping(line, column, members);
    }

    /// <summary>Line and column of the current token. Tokens come in order, so that each byte is looked at once.</summary>
    private (int Line, int Column) Place()
    {
        var index = (int)_reader.TokenStartIndex;
        while (_text[_counted..index].IndexOf((byte)'\n') is var newLine and >= 0)
        {
            _counted += newLine + 1;
            _lineStart = _counted;
            _line++;
        }

        _counted = index;
        return (_line, Encoding.UTF8.GetCharCount(_text[_lineStart..index]) + 1);
    }
}
