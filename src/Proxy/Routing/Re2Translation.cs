using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>One pass over an RE2 expression; see <see cref="Re2"/>.</summary>
internal sealed class Re2Translation(string pattern)
{
    private readonly StringBuilder _output = new(pattern.Length + 16);
    private int _at;

    public string Output => _output.ToString();

    /// <summary>Translates; returns what is wrong, or null.</summary>
    public string? Run()
    {
        while (_at < pattern.Length)
        {
            var error = pattern[_at] switch
            {
                '\\' => Escape(inClass: false),
                '[' => Class(),
                '(' => Group(),
                '{' => Repetition(),
                '$' => Emit(@"\z"),
                _ => Emit(pattern[_at].ToString()),
            };
            if (error is not null)
            {
                return error;
            }
        }

        return null;
    }

    private string? Emit(string text, int consumed = 1)
    {
        _output.Append(text);
        _at += consumed;
        return null;
    }

    private bool Ahead(string text) => string.CompareOrdinal(pattern, _at, text, 0, text.Length) == 0;

    private string? Group()
    {
        if (!Ahead("(?"))
        {
            return Emit("(");
        }

        if (Ahead("(?=") || Ahead("(?!") || Ahead("(?<=") || Ahead("(?<!"))
        {
            return "look-around is not part of RE2";
        }

        if (Ahead("(?P=") || Ahead("(?P>"))
        {
            return "back-references are not part of RE2";
        }

        if (Ahead("(?P<") || Ahead("(?<"))
        {
            var nameStart = pattern.IndexOf('<', _at) + 1;
            var nameEnd = pattern.IndexOf('>', nameStart);
            if (nameEnd <= nameStart || !pattern.AsSpan(nameStart, nameEnd - nameStart).IsWordAscii())
            {
                return "a group name consists of letters, digits and '_'";
            }

            // .NET numbers named groups after the others, RE2 from left to right; nobody reads the names.
            return Emit("(", nameEnd + 1 - _at);
        }

        return Flags();
    }

    private string? Flags()
    {
        var at = _at + 2;
        while (at < pattern.Length && pattern[at] is 'i' or 's' or '-')
        {
            at++;
        }

        if (at < pattern.Length && pattern[at] is ':' or ')')
        {
            return Emit(pattern[_at..(at + 1)], at + 1 - _at);
        }

        return at < pattern.Length && pattern[at] is 'm' or 'U'
            ? $"flag '{pattern[at]}' is not supported; 'i' and 's' are"
            : "this kind of group is not part of RE2";
    }

    private string? Repetition()
    {
        var end = pattern.IndexOf('}', _at);
        var body = end < 0 ? default : pattern.AsSpan(_at + 1, end - _at - 1);
        var comma = body.IndexOf(',');
        var low = comma < 0 ? body : body[..comma];
        var high = comma < 0 ? default : body[(comma + 1)..];
        if (low.IsEmpty || !low.IsDigitsAscii() || !high.IsDigitsAscii())
        {
            // Not a repetition: both dialects take the brace literally.
            return Emit(@"\{");
        }

        return TooLarge(low) || TooLarge(high) ? $"a repetition counts to at most {Re2.MaxRepeat}" : Emit(pattern[_at..(end + 1)], end + 1 - _at);
    }

    private static bool TooLarge(ReadOnlySpan<char> digits) =>
        !digits.IsEmpty && (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value > Re2.MaxRepeat);

    private string? Class()
    {
        Emit("[");
        if (_at < pattern.Length && pattern[_at] == '^')
        {
            Emit("^");
        }

        for (var first = true; _at < pattern.Length; first = false)
        {
            var c = pattern[_at];
            if (c == ']' && !first)
            {
                return Emit("]");
            }

            var error = c switch
            {
                '\\' => Escape(inClass: true),
                '[' when Ahead("[:") => PosixClass(),
                '[' => Emit(@"\["),
                ']' => Emit(@"\]"),
                _ => Emit(c.ToString()),
            };
            if (error is not null)
            {
                return error;
            }
        }

        return "a '[' is not closed";
    }

    private string? PosixClass()
    {
        var end = pattern.IndexOf(":]", _at, StringComparison.Ordinal);
        var name = end < 0 ? "" : pattern[(_at + 2)..end];
        var members = Re2Classes.Posix(name);
        return members is null ? $"'[:{name}:]' is not a character class" : Emit(members, end + 2 - _at);
    }

    private string? Escape(bool inClass)
    {
        if (_at + 1 >= pattern.Length)
        {
            return @"the expression ends in '\'";
        }

        var c = pattern[_at + 1];
        switch (c)
        {
            case 'd' or 'D' or 's' or 'S' or 'w' or 'W':
                return Emit(inClass ? Re2Classes.PerlMembers(c) : $"[{Re2Classes.PerlMembers(c)}]", 2);
            case 'b' or 'B' or 'A' or 'z' when !inClass:
            case 'n' or 'r' or 't' or 'f' or 'v' or 'a':
                return Emit(pattern.Substring(_at, 2), 2);
            case 'x':
                return HexEscape();
            case 'p' or 'P':
                return UnicodeClass();
            case 'Q' when !inClass:
                return Quoted();
            case 'k':
            case >= '1' and <= '9':
                return "back-references are not part of RE2";
            case var _ when char.IsAsciiLetterOrDigit(c):
                return $@"'\{c}' is not known to RE2 here";
            default:
                // An escaped character that is not a letter or digit stands for itself in both dialects.
                return Emit(pattern.Substring(_at, 2), 2);
        }
    }

    private string? HexEscape()
    {
        var digits = Ahead(@"\x{") ? pattern.AsSpan(_at + 3, Math.Max(0, pattern.IndexOf('}', _at) - _at - 3))
            : pattern.AsSpan(Math.Min(_at + 2, pattern.Length), Math.Clamp(pattern.Length - _at - 2, 0, 2));
        var consumed = Ahead(@"\x{") ? digits.Length + 4 : 4;
        return digits.Length >= (Ahead(@"\x{") ? 1 : 2) && uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            && code <= char.MaxValue
            ? Emit($@"\u{code:X4}", consumed)
            : @"'\x' takes two hexadecimal digits, or up to FFFF in braces";
    }

    private string? UnicodeClass()
    {
        var negated = pattern[_at + 1] == 'P';
        var end = Ahead(@"\p{") || Ahead(@"\P{") ? pattern.IndexOf('}', _at) : _at + 2;
        if (end < 0 || end >= pattern.Length)
        {
            return @"'\p' takes a Unicode class";
        }

        var name = pattern[end] == '}' ? pattern[(_at + 3)..end] : pattern[end].ToString();
        if (name.StartsWith('^'))
        {
            negated = !negated;
            name = name[1..];
        }

        return Emit($@"\{(negated ? 'P' : 'p')}{{{name}}}", end + 1 - _at);
    }

    private string? Quoted()
    {
        var end = pattern.IndexOf(@"\E", _at, StringComparison.Ordinal);
        var text = end < 0 ? pattern[(_at + 2)..] : pattern[(_at + 2)..end];
        return Emit(System.Text.RegularExpressions.Regex.Escape(text), (end < 0 ? pattern.Length : end + 2) - _at);
    }
}
