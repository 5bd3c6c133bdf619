using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>A compiled <see cref="RegexSubstitution"/>. Unlike matching it goes through strings: a rewrite by regex costs allocations.</summary>
internal sealed class RegexRewriter
{
    private readonly RegexMatcher _matcher;
    private readonly SubstitutionPart[] _parts;

    private RegexRewriter(RegexMatcher matcher, SubstitutionPart[] parts)
    {
        _matcher = matcher;
        _parts = parts;
    }

    public static bool TryCreate(RegexMatcher matcher, string substitution, [NotNullWhen(true)] out RegexRewriter? rewriter, [NotNullWhen(false)] out string? error)
    {
        rewriter = null;
        var parts = new List<SubstitutionPart>();
        var literal = new StringBuilder();
        for (var i = 0; i < substitution.Length; i++)
        {
            if (substitution[i] != '\\')
            {
                literal.Append(substitution[i]);
                continue;
            }

            var next = ++i < substitution.Length ? substitution[i] : '\0';
            if (next == '\\')
            {
                literal.Append('\\');
                continue;
            }

            if (!char.IsAsciiDigit(next))
            {
                error = @"'\' is followed by a group number or by '\'";
                return false;
            }

            if (next - '0' > matcher.Groups)
            {
                error = $@"'\{next}' names a group, and the pattern has {matcher.Groups}";
                return false;
            }

            parts.Add(new SubstitutionPart(literal.ToString(), -1));
            parts.Add(new SubstitutionPart("", next - '0'));
            literal.Clear();
        }

        parts.Add(new SubstitutionPart(literal.ToString(), -1));
        rewriter = new RegexRewriter(matcher, [.. parts.Where(part => part.Group >= 0 || part.Literal.Length > 0)]);
        error = null;
        return true;
    }

    /// <summary>Writes the rewritten value; returns the number of bytes.</summary>
    public int Write(ReadOnlySpan<byte> value, IBufferWriter<byte> output) =>
        (int)Encoding.UTF8.GetBytes(_matcher.ReplaceAll(Encoding.UTF8.GetString(value), _parts), output);
}
