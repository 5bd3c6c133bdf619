using System.Buffers;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Loading;

/// <summary>Durations as protobuf's JSON form writes them: seconds, up to nine decimals, and an <c>s</c>.</summary>
public static class DurationText
{
    /// <summary>Largest whole number of seconds either way. Source: google/protobuf/duration.proto.</summary>
    private const long MaxSeconds = 315_576_000_000;

    private const int NanosecondDigits = 9;

    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    /// <summary>Reads a duration such as <c>15s</c>, <c>0.25s</c> or <c>-1s</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="duration">The duration; null where the text is none.</param>
    public static bool TryParse(string text, out Duration? duration)
    {
        duration = null;
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length < 2 || text[^1] != 's')
        {
            return false;
        }

        var negative = text[0] == '-';
        var number = text.AsSpan(negative ? 1 : 0, text.Length - (negative ? 2 : 1));
        var point = number.IndexOf('.');
        var whole = point < 0 ? number : number[..point];
        var fraction = point < 0 ? default : number[(point + 1)..];
        if (fraction.Length > NanosecondDigits || (point >= 0 && fraction.Length == 0) || !fraction.ContainsOnlyDigits()
            || whole.Length == 0 || !whole.ContainsOnlyDigits()
            || !long.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > MaxSeconds)
        {
            return false;
        }

        var nanos = 0;
        for (var i = 0; i < NanosecondDigits; i++)
        {
            nanos = (nanos * 10) + (i < fraction.Length ? fraction[i] - '0' : 0);
        }

        duration = new Duration { Seconds = negative ? -seconds : seconds, Nanos = negative ? -nanos : nanos };
        return true;
    }

    /// <summary>What was probably meant by a text that is no duration, such as <c>0.25s</c> for <c>250ms</c>; null without an idea.</summary>
    internal static string? Guess(string text)
    {
        var digits = text.AsSpan().IndexOfAnyExcept(NumberCharacters);
        var unit = digits < 0 ? string.Empty : text[digits..].Trim();
        if (!decimal.TryParse(digits < 0 ? text : text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number > 1_000_000)
        {
            return null;
        }

        decimal? seconds = unit switch
        {
            "" => number,
            "ms" => number / 1000,
            "m" or "min" => number * 60,
            "h" => number * 3600,
            "sec" or "seconds" => number,
            _ => null,
        };
        return seconds?.ToString("0.#########", CultureInfo.InvariantCulture) is { } guess ? guess + "s" : null;
    }

    private static bool ContainsOnlyDigits(this ReadOnlySpan<char> text) => text.IndexOfAnyExceptInRange('0', '9') < 0;
}
