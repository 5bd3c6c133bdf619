using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>Writes single conversions of <c>strftime</c> without an allocation.</summary>
internal static class TimeParts
{
    /// <summary>The conversions that are more than an abbreviation of others.</summary>
    internal const string Kinds = "YyCGgmdeHkIlMSpPjaAbBuwUWVzZs";

    private static readonly byte[][] Days = Names(CultureInfo.InvariantCulture.DateTimeFormat.DayNames);
    private static readonly byte[][] ShortDays = Names(CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedDayNames);
    private static readonly byte[][] Months = Names(CultureInfo.InvariantCulture.DateTimeFormat.MonthNames);
    private static readonly byte[][] ShortMonths = Names(CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedMonthNames);

    internal static void Write(char kind, int digits, DateTimeOffset time, ref FormatSink sink)
    {
        switch (kind)
        {
            case 'Y': sink.Number(time.Year); break;
            case '4': sink.Digits(time.Year, 4); break;
            case 'y': sink.Digits(time.Year % 100, 2); break;
            case 'C': sink.Digits(time.Year / 100, 2); break;
            case 'G': sink.Number(ISOWeek.GetYear(time.DateTime)); break;
            case 'g': sink.Digits(ISOWeek.GetYear(time.DateTime) % 100, 2); break;
            case 'm': sink.Digits(time.Month, 2); break;
            case 'd': sink.Digits(time.Day, 2); break;
            case 'e': Padded(time.Day, ref sink); break;
            case 'H': sink.Digits(time.Hour, 2); break;
            case 'k': Padded(time.Hour, ref sink); break;
            case 'I': sink.Digits(HalfDayHour(time), 2); break;
            case 'l': Padded(HalfDayHour(time), ref sink); break;
            case 'M': sink.Digits(time.Minute, 2); break;
            case 'S': sink.Digits(time.Second, 2); break;
            case 'p': sink.Raw(time.Hour < 12 ? "AM"u8 : "PM"u8); break;
            case 'P': sink.Raw(time.Hour < 12 ? "am"u8 : "pm"u8); break;
            case 'j': sink.Digits(time.DayOfYear, 3); break;
            case 'a': sink.Raw(ShortDays[(int)time.DayOfWeek]); break;
            case 'A': sink.Raw(Days[(int)time.DayOfWeek]); break;
            case 'b': sink.Raw(ShortMonths[time.Month - 1]); break;
            case 'B': sink.Raw(Months[time.Month - 1]); break;
            case 'u': sink.Number(time.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)time.DayOfWeek); break;
            case 'w': sink.Number((int)time.DayOfWeek); break;

            // Weeks begin with the first Sunday or Monday of the year; the days before it are week 0.
            case 'U': sink.Digits((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7, 2); break;
            case 'W': sink.Digits((time.DayOfYear + 6 - (((int)time.DayOfWeek + 6) % 7)) / 7, 2); break;
            case 'V': sink.Digits(ISOWeek.GetWeekOfYear(time.DateTime), 2); break;
            case 'z': Offset(time.Offset, default, ref sink); break;
            case 'O': Offset(time.Offset, ":"u8, ref sink); break;
            case 'Z': Zone(time, ref sink); break;
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

    private static int HalfDayHour(DateTimeOffset time) => time.Hour % 12 == 0 ? 12 : time.Hour % 12;

    private static void Padded(int number, ref FormatSink sink)
    {
        sink.Raw(number < 10 ? " "u8 : ""u8);
        sink.Number(number);
    }

    private static void Offset(TimeSpan offset, ReadOnlySpan<byte> separator, ref FormatSink sink)
    {
        sink.Raw(offset < TimeSpan.Zero ? "-"u8 : "+"u8);
        sink.Digits(Math.Abs(offset.Hours), 2);
        sink.Raw(separator);
        sink.Digits(Math.Abs(offset.Minutes), 2);
    }

    private static void Zone(DateTimeOffset time, ref FormatSink sink)
    {
        if (time.Offset == TimeSpan.Zero)
        {
            sink.Raw("UTC"u8);
        }
        else
        {
            // Abbreviations are ambiguous, and the runtime does not have them: the offset says the same.
            Offset(time.Offset, default, ref sink);
        }
    }

    private static byte[][] Names(string[] names) => [.. names.Select(Encoding.ASCII.GetBytes)];
}
