using System.Globalization;
using System.Text;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Reads an expression in RE2 syntax once from left to right and writes it in .NET's. Groups are numbered alike in both.</summary>
internal sealed class Re2Translator(string source)
{
    private const int MaxLength = 16 * 1024;
    private const int MaxDepth = 200;

    // RE2 refuses more, and larger automata than this cost more memory than a route is worth.
    private const int MaxRepeat = 1000;
    private const long MaxSize = 50_000;

    private readonly StringBuilder _result = new();
    private readonly Stack<Frame> _open = new();
    private Frame _frame = new();
    private int _at;

    // The size of the atom before the cursor, 0 where there is none to repeat.
    private long _atomSize;
    private bool _afterRepeat;

    public string Result => _result.ToString();

    public int GroupCount { get; private set; }

    /// <summary>Translates; null where that went well, the fault where it did not.</summary>
    public string? Translate()
    {
        if (source.Length > MaxLength)
        {
            return $"it is longer than {MaxLength} characters";
        }

        while (_at < source.Length)
        {
            if (Step() is { } fault)
            {
                return fault;
            }

            if (_frame.Size + _atomSize > MaxSize)
            {
                return "it is too large when its repeats are written out";
            }
        }

        return _open.Count > 0 ? "a ( is not closed" : null;
    }

    private string? Step()
    {
        var c = source[_at++];
        switch (c)
        {
            case '(':
                return Open();
            case ')':
                return Close();
            case '[':
                var (text, fault) = new Re2Class(source, _at).Translate(out _at);
                Atom(text ?? string.Empty);
                return fault;
            case '\\':
                return Escape();
            case '|':
                EndAtom();
                _result.Append('|');
                return null;
            case '^' or '.':
                Atom(c.ToString());
                return null;
            case '$':
                Atom(_frame.MultiLine ? "$" : @"\z");
                return null;
            case '*' or '+' or '?':
                return Repeat(c.ToString(), 1);
            case '{' when TakeBounds(out var bounds, out var most, out var boundsFault):
                return boundsFault ?? Repeat(bounds, most);
            default:
                Atom(Re2Class.Literal(c));
                return null;
        }
    }

    private string? Open()
    {
        if (_open.Count >= MaxDepth)
        {
            return $"groups nest deeper than {MaxDepth} levels";
        }

        var opening = "(";
        var inner = new Frame { MultiLine = _frame.MultiLine };
        if (Peek() != '?')
        {
            GroupCount++;
        }
        else if (OpenSpecial(inner, out opening) is { } fault)
        {
            return fault;
        }

        EndAtom();
        _result.Append(opening);
        if (opening.EndsWith(')'))
        {
            // Flags for the rest of the group.
            _frame.MultiLine = inner.MultiLine;
            return null;
        }

        _open.Push(_frame);
        _frame = inner;
        return null;
    }

    private string? OpenSpecial(Frame inner, out string opening)
    {
        opening = string.Empty;
        var rest = source.AsSpan(_at);
        if (rest.StartsWith("?=") || rest.StartsWith("?!") || rest.StartsWith("?<=") || rest.StartsWith("?<!"))
        {
            return "look-around is not supported";
        }

        if (rest.StartsWith("?P<") || rest.StartsWith("?<"))
        {
            var start = source.IndexOf('<', _at) + 1;
            var end = source.IndexOf('>', start);
            if (end <= start || !source.AsSpan(start, end - start).ToString().All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            {
                return "the name of a group is not well-formed";
            }

            // Without its name, so that it keeps its number: .NET numbers named groups last.
            _at = end + 1;
            GroupCount++;
            opening = "(";
            return null;
        }

        return OpenFlags(inner, out opening);
    }

    private string? OpenFlags(Frame inner, out string opening)
    {
        var end = _at + 1;
        var on = true;
        while (end < source.Length && source[end] is 'i' or 'm' or 's' or '-')
        {
            on = source[end] != '-' && on;
            inner.MultiLine = source[end] == 'm' ? on : inner.MultiLine;
            end++;
        }

        opening = end < source.Length ? "(" + source[_at..(end + 1)] : string.Empty;
        if ((!opening.EndsWith(':') && !opening.EndsWith(')')) || opening is "(?)" || source[end - 1] == '-')
        {
            return $"the group ({source[_at..Math.Min(source.Length, end + 1)]} is not supported";
        }

        _at = end + 1;
        return null;
    }

    private string? Close()
    {
        if (!_open.TryPop(out var outer))
        {
            return "a ) closes nothing";
        }

        EndAtom();
        _result.Append(')');
        var closed = _frame;
        _frame = outer;
        _atomSize = Math.Max(1, closed.Size);
        _frame.Repeats = Math.Max(_frame.Repeats, closed.Repeats);
        _frame.AtomRepeats = closed.Repeats;
        return null;
    }

    private string? Repeat(string operation, int most)
    {
        if (_atomSize == 0)
        {
            return _afterRepeat ? $"{operation} repeats a repeat" : $"{operation} has nothing to repeat";
        }

        var repeats = (long)_frame.AtomRepeats * Math.Max(1, most);
        if (repeats > MaxRepeat)
        {
            return $"something is repeated more than {MaxRepeat} times";
        }

        _result.Append(operation);
        if (Peek() == '?')
        {
            _at++;
            _result.Append('?');
        }

        _frame.Repeats = Math.Max(_frame.Repeats, (int)repeats);
        _frame.Size += _atomSize * Math.Max(1, most);
        _atomSize = 0;
        _afterRepeat = true;
        return null;
    }

    /// <summary>Reads {n}, {n,} or {n,m} behind its bracket; anything else is literal text.</summary>
    private bool TakeBounds(out string bounds, out int most, out string? fault)
    {
        (bounds, most, fault) = (string.Empty, 0, null);
        var end = source.IndexOf('}', _at);
        if (end < 0 || end - _at > 12)
        {
            return false;
        }

        var parts = source[_at..end].Split(',');
        if (parts.Length > 2 || !IsDigits(parts[0]) || (parts.Length == 2 && parts[1].Length > 0 && !IsDigits(parts[1])))
        {
            return false;
        }

        var numbers = parts.Where(part => part.Length > 0).Select(part => long.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        bounds = source[(_at - 1)..(end + 1)];
        _at = end + 1;
        fault = numbers.Any(number => number > MaxRepeat) ? $"something is repeated more than {MaxRepeat} times"
            : numbers.Length == 2 && numbers[0] > numbers[1] ? $"{bounds} has its bounds the wrong way round"
            : null;
        most = (int)Math.Min(MaxRepeat + 1, numbers.Max());
        return true;
    }

    private string? Escape()
    {
        switch (Peek())
        {
            case null:
                return @"a \ stands at the end";
            case 'A' or 'z' or 'b' or 'B':
                Atom("\\" + source[_at++]);
                return null;
            case 'Q':
                return Quote();
            case >= '1' and <= '9':
                return "back-references are not supported";
            default:
                var (text, fault) = Re2Class.Escape(source, ref _at, inClass: false);
                Atom(text ?? string.Empty);
                return fault;
        }
    }

    private string? Quote()
    {
        var end = source.IndexOf(@"\E", _at, StringComparison.Ordinal);
        foreach (var c in source[(_at + 1)..(end < 0 ? source.Length : end)])
        {
            Atom(Re2Class.Literal(c));
        }

        _at = end < 0 ? source.Length : end + 2;
        return null;
    }

    private char? Peek() => _at < source.Length ? source[_at] : null;

    private void Atom(string text)
    {
        EndAtom();
        _result.Append(text);
        _atomSize = 1;
        _frame.AtomRepeats = 1;
    }

    private void EndAtom()
    {
        _frame.Size += _atomSize;
        _atomSize = 0;
        _afterRepeat = false;
    }

    private static bool IsDigits(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    /// <summary>What is known of the group that is being read.</summary>
    private sealed class Frame
    {
        public bool MultiLine { get; set; }

        /// <summary>Positions of the automaton so far.</summary>
        public long Size { get; set; }

        /// <summary>The greatest product of nested repeats in the group, and in the last atom.</summary>
        public int Repeats { get; set; } = 1;

        public int AtomRepeats { get; set; } = 1;
    }
}
