namespace KubeProxyNet.Proxy.Routing;

/// <summary>RE2's character classes, which are ASCII where .NET's are Unicode, as members of a bracket expression.</summary>
internal static class Re2Classes
{
    /// <summary>Members of <c>\d</c>, <c>\s</c>, <c>\w</c> and their complements.</summary>
    public static string PerlMembers(char letter) => letter switch
    {
        'd' => "0-9",
        'D' => @"\u0000-/:-\uFFFF",
        's' => @"\t\n\f\r ",
        'S' => @"\u0000-\u0008\u000B\u000E-\u001F!-\uFFFF",
        'w' => "0-9A-Za-z_",
        'W' => @"\u0000-/:-@\[-\^`{-\uFFFF",
        _ => throw new ArgumentOutOfRangeException(nameof(letter)),
    };

    /// <summary>Members of <c>[:name:]</c>; null where there is no such class.</summary>
    public static string? Posix(string name) => name switch
    {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => @"\u0000-\u007F",
        "blank" => @"\t ",
        "cntrl" => @"\u0000-\u001F\u007F",
        "digit" => "0-9",
        "graph" => "!-~",
        "lower" => "a-z",
        "print" => " -~",
        "punct" => @"!-/:-@\[-`{-~",
        "space" => @"\t\n\v\f\r ",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => null,
    };

    /// <summary>True where all characters are ASCII digits; true for none.</summary>
    public static bool IsDigitsAscii(this ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange('0', '9');

    /// <summary>True where all characters are ASCII letters, digits or '_'.</summary>
    public static bool IsWordAscii(this ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return false;
            }
        }

        return true;
    }
}
