using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// A compiled <c>strftime</c> pattern with Envoy's additions: <c>%s</c> seconds since 1970, <c>%f</c> nanoseconds and <c>%1f</c> to
/// <c>%9f</c> fractions; and those of its time library: <c>%E3S</c> and <c>%E*S</c> seconds with fraction, <c>%E3f</c>, <c>%Ez</c>, <c>%E4Y</c>. Names are English.
/// </summary>
internal sealed class TimeFormat
{
    /// <summary>What <c>%START_TIME%</c> shows without a pattern: <c>2016-04-15T20:17:00.310Z</c>.</summary>
    internal const string Default = "%Y-%m-%dT%H:%M:%S.%3fZ";

    private const string Known =
        "%Y %E4Y %y %C %G %g %m %d %e %H %k %I %l %M %S %E0S-%E9S %E*S %p %P %j %a %A %b %h %B %u %w %U %W %V %F %T %D %R %r %c %x %X "
        + "%z %Ez %Z %s %f %1f-%9f %E1f-%E9f %E*f %t %%";

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

    /// <summary>Writes the time in the zone that its offset says.</summary>
    internal void Write(DateTimeOffset time, ref FormatSink sink)
    {
        foreach (var (kind, literal, digits) in _parts)
        {
            if (kind == '\0')
            {
                sink.Raw(literal);
            }
            else
            {
                TimeParts.Write(kind, digits, time, ref sink);
            }
        }
    }

    private void Compile(string pattern, int position)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] is '\n' or '\r')
            {
                throw NoLineBreak(position + i);
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
            else if (rest.Length >= 2 && rest[0] == 'E')
            {
                i += 1 + Extended(rest[1..], position + i);
            }
            else
            {
                Conversion(rest.IsEmpty ? '\0' : rest[0], position + i);
                i++;
            }
        }
    }

    /// <summary>What follows <c>%E</c>; its length.</summary>
    private int Extended(ReadOnlySpan<char> rest, int position)
    {
        // A clock of 100 ns has seven digits that say something.
        var digits = rest[0] == '*' ? 7 : char.IsAsciiDigit(rest[0]) ? rest[0] - '0' : -1;
        switch (rest)
        {
            case [_, 'S', ..] when digits >= 0:
                _parts.Add(('S', [], 0));
                if (digits > 0)
                {
                    Literal(".");
                    _parts.Add(('f', [], digits));
                }

                return 2;
            case [_, 'f', ..] when digits > 0:
                _parts.Add(('f', [], digits));
                return 2;
            case ['4', 'Y', ..]:
                _parts.Add(('4', [], 0));
                return 2;
            case ['z', ..]:
                _parts.Add(('O', [], 0));
                return 1;
            case ['n', ..]:
                throw NoLineBreak(position);
            default:
                throw new AccessLogFormatException(position, $"%E{rest[0]} begins no known time conversion; known are {Known}");
        }
    }

    private void Conversion(char kind, int position)
    {
        switch (kind)
        {
            case '%': Literal("%"); break;
            case 't': Literal("\t"); break;
            case 'n': throw NoLineBreak(position);
            case 'F': Compile("%Y-%m-%d", position); break;
            case 'T' or 'X': Compile("%H:%M:%S", position); break;
            case 'D' or 'x': Compile("%m/%d/%y", position); break;
            case 'R': Compile("%H:%M", position); break;
            case 'r': Compile("%I:%M:%S %p", position); break;
            case 'c': Compile("%a %b %e %H:%M:%S %Y", position); break;
            case 'h': _parts.Add(('b', [], 0)); break;
            case 'f': _parts.Add(('f', [], 9)); break;
            case var _ when TimeParts.Kinds.Contains(kind, StringComparison.Ordinal):
                _parts.Add((kind, [], 0));
                break;
            default:
                var what = kind == '\0' ? "a time pattern ends in %" : $"%{kind} is no known time conversion";
                throw new AccessLogFormatException(position, $"{what}; known are {Known}");
        }
    }

    private static AccessLogFormatException NoLineBreak(int position) =>
        new(position, "a time pattern holds no line break; use the line break outside of %START_TIME(...)%");

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

/// <summary><c>%START_TIME(pattern)%</c> and its kin.</summary>
/// <param name="read">The time, in UTC.</param>
/// <param name="format">How it is shown.</param>
/// <param name="isLocal">True for the time zone of the machine instead of UTC.</param>
internal sealed class TimeOperator(Func<IAccessLogSource, DateTimeOffset> read, TimeFormat format, bool isLocal) : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var time = read(source).ToUniversalTime();
        format.Write(isLocal ? time.ToOffset(TimeZoneInfo.Local.GetUtcOffset(time)) : time, ref sink);
        return true;
    }
}
