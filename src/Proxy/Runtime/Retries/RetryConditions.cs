using System.Buffers.Text;
using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>The values of the <c>x-envoy-</c> headers that change a retry policy. What is not understood is left out, as Envoy does.</summary>
internal static class RetryConditions
{
    /// <summary>A comma-separated list of conditions.</summary>
    public static RetryOn Parse(ReadOnlySpan<byte> list)
    {
        var result = RetryOn.None;
        foreach (var range in list.Split((byte)','))
        {
            result |= RetryOnNames.Find(list[range].Trim(" \t"u8));
        }

        return result;
    }

    /// <summary>A comma-separated list of numbers.</summary>
    public static void ParseNumbers(ReadOnlySpan<byte> list, List<int> numbers)
    {
        foreach (var range in list.Split((byte)','))
        {
            if (TryParseNumber(list[range].Trim(" \t"u8), out var number))
            {
                numbers.Add(number);
            }
        }
    }

    /// <summary>A number of 0 or more that is all of the text.</summary>
    public static bool TryParseNumber(ReadOnlySpan<byte> text, out int number) =>
        Utf8Parser.TryParse(text, out number, out var used) && used == text.Length && number >= 0;

    /// <summary>A whole number of seconds that is all of the text, small enough to count with in milliseconds.</summary>
    public static bool TryParseSeconds(ReadOnlySpan<byte> text, out long seconds) =>
        Utf8Parser.TryParse(text, out seconds, out var used) && used == text.Length && seconds is >= 0 and <= 1L << 40;
}
