using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>
/// A path template: <c>*</c> stands for one segment, <c>**</c> for any rest, <c>{name}</c>, <c>{name=*}</c> and <c>{name=a/*}</c> for what they match under a name. Syntax, limits and
/// meaning are those of Envoy's <c>envoy.path.match.uri_template</c>; it becomes a regular expression, which matches in linear time.
/// </summary>
internal sealed class PathTemplate
{
    private const int MaxVariables = 5;
    private const int MaxNameLength = 16;

    // RFC 3986 §3.3, pchar without '*' and '='.
    private const string LiteralCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~%!$&'()+,;:@-";
    private const string Segment = "[A-Za-z0-9._~%!$&'()+,;:@-]+";
    private const string Rest = "[A-Za-z0-9._~%!$&'()+,;:@/-]*";

    private readonly List<string> _variables = [];
    private readonly StringBuilder _pattern = new("/");
    private bool _hasRest;
    private string? _error;

    private PathTemplate()
    {
    }

    /// <summary>The regular expression, in RE2's syntax; the group of a variable is its place in <see cref="Variables"/> plus one.</summary>
    public string Pattern => _pattern.ToString();

    /// <summary>The names, in the order of their appearance.</summary>
    public IReadOnlyList<string> Variables => _variables;

    /// <summary>Reads a template; on failure <paramref name="error"/> says what is wrong.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out PathTemplate? template, [NotNullWhen(false)] out string? error)
    {
        var parsed = new PathTemplate();
        error = parsed.Read(text) ? null : parsed._error ?? "it cannot be read";
        template = error is null ? parsed : null;
        return error is null;
    }

    /// <summary>Reads a rewrite for this template as a substitution for its regular expression; on failure <paramref name="error"/> says what is wrong.</summary>
    public bool TryParseRewrite(string text, [NotNullWhen(true)] out string? substitution, [NotNullWhen(false)] out string? error)
    {
        substitution = null;
        error = !text.StartsWith('/') ? "it does not begin with '/'" : text.Contains("//", StringComparison.Ordinal) ? "'//' is not allowed" : null;
        var result = new StringBuilder();
        for (var i = 0; i < text.Length && error is null; i++)
        {
            if (text[i] != '{')
            {
                error = text[i] == '/' || LiteralCharacters.Contains(text[i], StringComparison.Ordinal) ? null : $"'{text[i]}' is not allowed";
                result.Append(text[i]);
                continue;
            }

            var end = text.IndexOf('}', i);
            var name = end < 0 ? "" : text[(i + 1)..end];
            var variable = _variables.IndexOf(name);
            error = end < 0 ? "a '{' is not closed" : variable < 0 ? $"the template has no variable '{name}'" : null;
            result.Append('\\').Append(variable + 1);
            i = end;
        }

        substitution = error is null ? result.ToString() : null;
        return error is null;
    }

    private bool Read(string text)
    {
        if (text is not ['/', ..])
        {
            return Fail("it does not begin with '/'");
        }

        var i = 1;
        while (i < text.Length)
        {
            var isRead = text[i] switch
            {
                '*' => ReadOperator(text, ref i, text.Length),
                '{' => ReadVariable(text, ref i),
                _ => ReadLiteral(text, ref i, text.Length),
            };
            if (!isRead)
            {
                return false;
            }

            if (i < text.Length && text[i] != '/')
            {
                // Text behind an operator or a variable ends the template.
                return ReadLiteral(text, ref i, text.Length) && (i == text.Length || Fail("text that follows '*' or '}' must be the end"));
            }

            if (i < text.Length)
            {
                _pattern.Append('/');
                i++;
            }
        }

        return true;
    }

    private bool ReadOperator(string text, ref int i, int end)
    {
        if (_hasRest)
        {
            return Fail("nothing but text may follow '**'");
        }

        _hasRest = i + 1 < end && text[i + 1] == '*';
        _pattern.Append(_hasRest ? Rest : Segment);
        i += _hasRest ? 2 : 1;
        return true;
    }

    private bool ReadLiteral(string text, ref int i, int end)
    {
        var start = i;
        for (; i < end && text[i] != '/'; i++)
        {
            if (!LiteralCharacters.Contains(text[i], StringComparison.Ordinal))
            {
                return Fail($"'{text[i]}' is not allowed here");
            }

            _pattern.Append(text[i] is '$' or '(' or ')' or '+' or '.' ? "\\" : "").Append(text[i]);
        }

        return i > start || Fail("an element is empty");
    }

    private bool ReadVariable(string text, ref int i)
    {
        var end = text.IndexOf('}', i);
        if (end < 0)
        {
            return Fail("a '{' is not closed");
        }

        var equals = text.IndexOf('=', i, end - i);
        var name = text[(i + 1)..(equals < 0 ? end : equals)];
        if (name.Length is 0 or > MaxNameLength || !char.IsAsciiLetter(name[0]) || !name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            return Fail($"'{name}' is not a name of 1 to {MaxNameLength} letters, digits and '_', the first a letter");
        }

        if (_variables.Contains(name) || _variables.Count == MaxVariables)
        {
            return Fail(_variables.Contains(name) ? $"the variable '{name}' appears twice" : $"there are more than {MaxVariables} variables");
        }

        _variables.Add(name);
        _pattern.Append('(');
        var isRead = equals < 0 ? ReadOperator("*", end: 1) : ReadVariableMatch(text, equals + 1, end);
        _pattern.Append(')');
        i = end + 1;
        return isRead;
    }

    private bool ReadOperator(string text, int end)
    {
        var i = 0;
        return ReadOperator(text, ref i, end);
    }

    private bool ReadVariableMatch(string text, int i, int end)
    {
        if (i == end)
        {
            return Fail("a variable matches nothing");
        }

        while (true)
        {
            if (!(text[i] == '*' ? ReadOperator(text, ref i, end) : ReadLiteral(text, ref i, end)))
            {
                return false;
            }

            if (i == end)
            {
                return true;
            }

            if (text[i] != '/' || i + 1 == end)
            {
                return Fail("a variable matches whole elements");
            }

            _pattern.Append('/');
            i++;
        }
    }

    private bool Fail(string error)
    {
        _error ??= error;
        return false;
    }
}
