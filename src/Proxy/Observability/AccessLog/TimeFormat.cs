using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// A compiled <c>strftime</c> pattern, in UTC, with Envoy's additions: <c>%s</c> seconds since 1970, <c>%f</c> nanoseconds and <c>%1f</c> to
/// <c>%9f</c> fractions, <c>%E3S</c> seconds with fraction.
/// </summary>
internal sealed class TimeFormat
{
    /// <summary>What <c>%START_TIME%</c> shows without a pattern: <c>2016-04-15T20:17:00.310Z</c>.</summary>
    internal const string Default = "%Y-%m-%dT%H:%M:%S.%3fZ";

    private const string Known = "%Y %y %C %m %d %e %H %I %M %S %p %j %a %A %b %h %B %u %w %F %T %D %R %z %Ez %Z %s %f %1f-%9f %E0S-%E9S %n %t %%";

    private readonly List<(char Kind, byte[] Literal, int Digits)> _parts = [];

    private TimeFormat()
    {
    }

    /// <summary>Compiles a pattern; <paramref name="position"/> is the place of its command, for errors.</summary>
    /// <exception cref="AccessLogFormatException">A conversion is not known.</exception>
    internal static TimeFormat Parse(string pattern, int position)
    {
        var format = new TimeFormat();
        format.Compile(pattern, position);
        return format;
    }

    internal void Write(DateTimeOffset time, ref FormatSink sink)
    {
        time = time.ToUniversalTime();
        foreach (var (kind, literal, digits) in _parts)
        {
            if (kind == '\0')
            {
                sink.Raw(literal);
            }
            else
            {
                WritePart(kind, digits, time, ref sink);
            }
        }
    }

    private static void WritePart(char kind, int digits, DateTimeOffset time, ref FormatSink sink)
    {
        switch (kind)
        {
            case 'Y': sink.Number(time.Year); break;
            case 'y': sink.Digits(time.Year % 100, 2); break;
            case 'C': sink.Digits(time.Year / 100, 2); break;
            case 'm': sink.Digits(time.Month, 2); break;
            case 'd': sink.Digits(time.Day, 2); break;
            case 'e': sink.Raw(time.Day < 10 ? " "u8 : ""u8); sink.Number(time.Day); break;
            case 'H': sink.Digits(time.Hour, 2); break;
            case 'I': sink.Digits(time.Hour % 12 == 0 ? 12 : time.Hour % 12, 2); break;
            case 'M': sink.Digits(time.Minute, 2); break;
            case 'S': sink.Digits(time.Second, 2); break;
            case 'p': sink.Raw(time.Hour < 12 ? "AM"u8 : "PM"u8); break;
            case 'j': sink.Digits(time.DayOfYear, 3); break;
            case 'u': sink.Number(time.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)time.DayOfWeek); break;
            case 'w': sink.Number((int)time.DayOfWeek); break;
            case 'a': Name(CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedDayNames[(int)time.DayOfWeek], ref sink); break;
            case 'A': Name(CultureInfo.InvariantCulture.DateTimeFormat.DayNames[(int)time.DayOfWeek], ref sink); break;
            case 'b': Name(CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedMonthNames[time.Month - 1], ref sink); break;
            case 'B': Name(CultureInfo.InvariantCulture.DateTimeFormat.MonthNames[time.Month - 1], ref sink); break;
            case 's': sink.Number(time.ToUnixTimeSeconds()); break;
            case 'f': Fraction(time, digits, ref sink); break;
        }
    }

    // A tick is 100 ns, so the last two of nine digits are zero.
    private static void Fraction(DateTimeOffset time, int digits, ref FormatSink sink)
    {
        var nanoseconds = time.Ticks % TimeSpan.TicksPerSecond * 100;
        for (var i = digits; i < 9; i++)
        {
            nanoseconds /= 10;
        }

        sink.Digits(nanoseconds, digits);
    }

    private static void Name(string name, ref FormatSink sink)
    {
        Span<byte> bytes = stackalloc byte[16];
        sink.Raw(bytes[..Encoding.ASCII.GetBytes(name, bytes)]);
    }

    private void Compile(string pattern, int position)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] is '\n' or '\r')
            {
                throw new AccessLogFormatException(position + i, "a time pattern holds no line break; use the line break outside of %START_TIME(...)%");
            }

            if (pattern[i] != '%')
            {
                Literal(pattern[i].ToString());
                continue;
            }

            var rest = pattern.AsSpan(i + 1);
            if (rest.Length >= 2 && rest[0] is >= '1' and <= '9' && rest[1] == 'f')
            {
                _parts.Add(('f', [], rest[0] - '0'));
                i += 2;
            }
            else if (rest.Length >= 3 && rest[0] == 'E' && char.IsAsciiDigit(rest[1]) && rest[2] == 'S')
            {
                SecondsWithFraction(rest[1] - '0');
                i += 3;
            }
            else if (rest.StartsWith("Ez"))
            {
                Literal("+00:00");
                i += 2;
            }
            else
            {
                Conversion(rest.IsEmpty ? '\0' : rest[0], position + i);
                i++;
            }
        }
    }

    private void SecondsWithFraction(int digits)
    {
        _parts.Add(('S', [], 0));
        if (digits > 0)
        {
            Literal(".");
            _parts.Add(('f', [], digits));
        }
    }

    private void Conversion(char kind, int position)
    {
        switch (kind)
        {
            case '%': Literal("%"); break;
            case 'n': Literal(" "); break;
            case 't': Literal("\t"); break;
            case 'z': Literal("+0000"); break;
            case 'Z': Literal("UTC"); break;
            case 'F': Compile("%Y-%m-%d", position); break;
            case 'T': Compile("%H:%M:%S", position); break;
            case 'D': Compile("%m/%d/%y", position); break;
            case 'R': Compile("%H:%M", position); break;
            case 'h': _parts.Add(('b', [], 0)); break;
            case 'f': _parts.Add(('f', [], 9)); break;
            case 'Y' or 'y' or 'C' or 'm' or 'd' or 'e' or 'H' or 'I' or 'M' or 'S' or 'p' or 'j' or 'u' or 'w' or 'a' or 'A' or 'b' or 'B' or 's':
                _parts.Add((kind, [], 0));
                break;
            default:
                var what = kind == '\0' ? "a time pattern ends in %" : $"%{kind} is no known time conversion";
                throw new AccessLogFormatException(position, $"{what}; known are {Known}");
        }
    }

    private void Literal(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (_parts.Count > 0 && _parts[^1].Kind == '\0')
        {
            _parts[^1] = ('\0', [.. _parts[^1].Literal, .. bytes], 0);
        }
        else
        {
            _parts.Add(('\0', bytes, 0));
        }
    }
}

/// <summary><c>%START_TIME(pattern)%</c>.</summary>
internal sealed class StartTimeOperator(TimeFormat format) : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        format.Write(source.StartTime, ref sink);
        return true;
    }
}
