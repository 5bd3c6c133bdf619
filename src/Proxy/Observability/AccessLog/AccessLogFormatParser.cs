using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A piece of a text format: literal bytes, or a command.</summary>
internal readonly record struct AccessLogSegment(byte[] Literal, AccessLogOperator? Operator);

/// <summary>Cuts a format string into literals and commands. <c>%%</c> is a percent sign.</summary>
internal static class AccessLogFormatParser
{
    /// <summary>The pieces of a format, in order.</summary>
    /// <exception cref="AccessLogFormatException">The text is no valid format.</exception>
    internal static AccessLogSegment[] Parse(string text)
    {
        var segments = new List<AccessLogSegment>();
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length;)
        {
            if (text[i] != '%')
            {
                literal.Append(text[i++]);
            }
            else if (i + 1 < text.Length && text[i + 1] == '%')
            {
                literal.Append('%');
                i += 2;
            }
            else
            {
                FlushLiteral(literal, segments);
                var command = ParseCommand(text, ref i);
                segments.Add(new AccessLogSegment([], AccessLogOperators.Compile(command)));
            }
        }

        FlushLiteral(literal, segments);
        return [.. segments];
    }

    private static AccessLogCommand ParseCommand(string text, ref int i)
    {
        var start = i++;
        var nameStart = i;
        while (i < text.Length && (char.IsAsciiLetterUpper(text[i]) || char.IsAsciiDigit(text[i]) || text[i] == '_'))
        {
            i++;
        }

        var name = text[nameStart..i];
        if (name.Length == 0)
        {
            throw new AccessLogFormatException(start, "% begins an operator such as %PROTOCOL%; write %% for a percent sign");
        }

        var argument = ParseArgument(text, name, start, ref i);
        int? maxLength = null;
        if (i < text.Length && text[i] == ':')
        {
            var digits = ++i;
            while (i < text.Length && char.IsAsciiDigit(text[i]))
            {
                i++;
            }

            if (!int.TryParse(text.AsSpan(digits, i - digits), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            {
                throw new AccessLogFormatException(digits, $"%{name}%: a whole number of bytes follows the colon");
            }

            maxLength = length;
        }

        if (i >= text.Length || text[i] != '%')
        {
            throw new AccessLogFormatException(start, $"the operator %{name} is not closed; end it with %");
        }

        i++;
        return new AccessLogCommand(name, argument, maxLength, start);
    }

    // The argument ends at the first parenthesis after which the command can end: a time pattern may hold parentheses of its own.
    private static string? ParseArgument(string text, string name, int start, ref int i)
    {
        if (i >= text.Length || text[i] != '(')
        {
            return null;
        }

        var open = ++i;
        for (; i < text.Length; i++)
        {
            if (text[i] == ')' && i + 1 < text.Length && text[i + 1] is '%' or ':')
            {
                return text[open..i++];
            }
        }

        throw new AccessLogFormatException(start, $"the parenthesis of %{name}( is not closed; write %{name}(...)%");
    }

    private static void FlushLiteral(StringBuilder literal, List<AccessLogSegment> segments)
    {
        if (literal.Length > 0)
        {
            segments.Add(new AccessLogSegment(Encoding.UTF8.GetBytes(literal.ToString()), null));
            literal.Clear();
        }
    }
}
