using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace KubeProxyNet.Proxy.Routing.Regexes;

/// <summary>
/// A regular expression against bytes, in time linear in the text whatever the expression. Bytes that are not UTF-8 are read as U+FFFD.
/// </summary>
internal sealed class RegexMatcher
{
    private const int StackChars = 512;

    private readonly Regex _whole;
    private readonly RegexSource _source;

    private RegexMatcher(Regex whole, RegexSource source)
    {
        _whole = whole;
        _source = source;
    }

    /// <summary>Number of capturing groups.</summary>
    public int Groups => _source.GroupCount;

    /// <summary>Compiles an expression; on failure <paramref name="error"/> says what is wrong.</summary>
    public static bool TryCreate(string pattern, RegexSyntax syntax, [NotNullWhen(true)] out RegexMatcher? matcher, [NotNullWhen(false)] out string? error)
    {
        matcher = null;
        if (syntax(pattern, out error) is not { } source)
        {
            error ??= "it is not known why";
            return false;
        }

        try
        {
            matcher = new RegexMatcher(source.Compile(true), source);
            error = null;
            return true;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            error = e.Message;
            return false;
        }
    }

    /// <summary>The expression as a search within a text. An automaton of its own, which is made only where it is needed.</summary>
    public Regex CreateSearch() => _source.Compile(false);

    /// <summary>True where the whole value matches.</summary>
    [SkipLocalsInit]
    public bool IsMatch(ReadOnlySpan<byte> value)
    {
        // UTF-8 never has more characters than bytes.
        char[]? rented = null;
        var text = value.Length <= StackChars ? stackalloc char[StackChars] : rented = ArrayPool<char>.Shared.Rent(value.Length);
        var length = Encoding.UTF8.GetChars(value, text);
        var matches = _whole.IsMatch(text[..length]);
        if (rented is not null)
        {
            ArrayPool<char>.Shared.Return(rented);
        }

        return matches;
    }
}
