using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Character classes and escapes of RE2, written so that .NET reads the same sets: <c>\d</c>, <c>\w</c> and <c>\s</c> are ASCII.</summary>
internal sealed class Re2Class(string source, int at)
{
    private const string Digit = @"0-9";
    private const string NotDigit = @"\u0000-/:-\uFFFF";
    private const string Word = @"0-9A-Z_a-z";
    private const string NotWord = @"\u0000-/:-@\[-\^`\{-\uFFFF";
    private const string Space = @"\t\n\f\r ";
    private const string NotSpace = @"\u0000-\u0008\u000B\u000E-\u001F!-\uFFFF";

    private static readonly FrozenDictionary<string, string> Named = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = @"\u0000-\u007F",
        ["blank"] = @"\t ",
        ["cntrl"] = @"\u0000-\u001F\u007F",
        ["digit"] = Digit,
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = @"!-/:-@\[-`\{-~",
        ["space"] = @"\t\n\u000B\f\r ",
        ["upper"] = "A-Z",
        ["word"] = Word,
        ["xdigit"] = "0-9A-Fa-f",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Categories = (
        "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Cs Co").Split(' ').ToFrozenSet(StringComparer.Ordinal);

    private int _at = at;

    /// <summary>Translates the class whose bracket stands before the cursor.</summary>
    /// <param name="end">Behind the closing bracket.</param>
    public (string? Text, string? Fault) Translate(out int end)
    {
        var result = new StringBuilder("[");
        if (_at < source.Length && source[_at] == '^')
        {
            result.Append('^');
            _at++;
        }

        var first = true;
        while (_at < source.Length && (first || source[_at] != ']'))
        {
            first = false;
            var (item, fault) = Item();
            if (fault is not null)
            {
                end = _at;
                return (null, fault);
            }

            result.Append(item);
        }

        end = _at + 1;
        return _at < source.Length ? (result.Append(']').ToString(), null) : (null, "a [ is not closed");
    }

    /// <summary>A character that stands for itself.</summary>
    public static string Literal(char c) => char.IsAsciiLetterOrDigit(c) ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");

    /// <summary>Translates the escape whose backslash stands before the cursor.</summary>
    public static (string? Text, string? Fault) Escape(string source, ref int at, bool inClass)
    {
        if (at >= source.Length)
        {
            return (null, @"a \ stands at the end");
        }

        var c = source[at];
        var set = c switch
        {
            'd' => Digit,
            'D' => NotDigit,
            'w' => Word,
            'W' => NotWord,
            's' => Space,
            'S' => NotSpace,
            _ => null,
        };
        if (set is not null)
        {
            at++;
            return (inClass ? set : $"[{set}]", null);
        }

        if (c is 'p' or 'P')
        {
            return Category(source, ref at);
        }

        return Character(source, ref at) is { } character ? (Literal(character), null) : (null, $@"the escape \{c} is not supported");
    }

    private (string? Text, string? Fault) Item()
    {
        if (source.AsSpan(_at).StartsWith("[:"))
        {
            var close = source.IndexOf(":]", _at + 2, StringComparison.Ordinal);
            if (close > 0)
            {
                var name = source[(_at + 2)..close];
                _at = close + 2;
                return Named.TryGetValue(name, out var set) ? (set, null) : (null, $"the class [:{name}:] is not supported");
            }
        }

        if (source[_at] == '\\' && _at + 1 < source.Length && source[_at + 1] is 'd' or 'D' or 'w' or 'W' or 's' or 'S' or 'p' or 'P')
        {
            _at++;
            return Escape(source, ref _at, inClass: true);
        }

        return Range();
    }

    private (string? Text, string? Fault) Range()
    {
        if (Single() is not { } low)
        {
            return (null, "a class holds an escape that is not supported");
        }

        if (_at + 1 >= source.Length || source[_at] != '-' || source[_at + 1] == ']')
        {
            return (Literal(low), null);
        }

        _at++;
        return Single() is { } high && low <= high ? ($"{Literal(low)}-{Literal(high)}", null) : (null, "a range in a class is the wrong way round or not well-formed");
    }

    private char? Single()
    {
        if (source[_at] != '\\')
        {
            return source[_at++];
        }

        _at++;
        return _at < source.Length ? Character(source, ref _at) : null;
    }

    private static (string? Text, string? Fault) Category(string source, ref int at)
    {
        var negated = source[at] == 'P' ? 'P' : 'p';
        string name;
        if (at + 1 < source.Length && source[at + 1] != '{')
        {
            name = source[at + 1].ToString();
            at += 2;
        }
        else
        {
            var end = source.IndexOf('}', at);
            name = end < 0 ? string.Empty : source[(at + 2)..end];
            at = end < 0 ? source.Length : end + 1;
        }

        return Categories.Contains(name) ? ($@"\{negated}{{{name}}}", null) : (null, $@"\{negated}{{{name}}} is not a general category of Unicode");
    }

    /// <summary>The one character that an escape stands for; null where it stands for none.</summary>
    private static char? Character(string source, ref int at)
    {
        var c = source[at++];
        switch (c)
        {
            case 'a':
                return '\a';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'v':
                return '\v';
            case 'x':
                return Hexadecimal(source, ref at);
            case '0':
                var code = 0;
                for (var i = 0; i < 2 && at < source.Length && source[at] is >= '0' and <= '7'; i++)
                {
                    code = (code * 8) + source[at++] - '0';
                }

                return (char)code;
            default:
                return c < 128 && !char.IsAsciiLetterOrDigit(c) ? c : null;
        }
    }

    private static char? Hexadecimal(string source, ref int at)
    {
        var braces = at < source.Length && source[at] == '{';
        var start = braces ? at + 1 : at;
        var end = braces ? source.IndexOf('}', start) : start + 2;
        if (end < 0 || end > source.Length || end == start
            || !int.TryParse(source.AsSpan(start, end - start), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || code is < 0 or > char.MaxValue)
        {
            return null;
        }

        at = braces ? end + 1 : end;
        return (char)code;
    }
}
