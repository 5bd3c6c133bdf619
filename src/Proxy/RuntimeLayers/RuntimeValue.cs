using System.Globalization;

namespace KubeProxyNet.Proxy.RuntimeLayers;

/// <summary>One value of Envoy's runtime, as everything that it may be read as.</summary>
public sealed record RuntimeValue
{
    /// <summary>The value as text, for people.</summary>
    public required string Text { get; init; }

    /// <summary>The value as a number; null where it is none.</summary>
    public double? Number { get; init; }

    /// <summary>The value as a share of requests; null where it is none.</summary>
    public RuntimeShare? Share { get; init; }

    /// <summary>The value as a whole number from 0; null where it is none.</summary>
    public ulong? Integer => Number is >= 0 and <= ulong.MaxValue and var number && Math.Floor(number) == number ? (ulong)number : null;

    /// <summary>The value that stands in a text.</summary>
    public static RuntimeValue OfText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? new RuntimeValue { Text = text, Number = number }
            : new RuntimeValue { Text = text };
    }
}

/// <summary>A share of requests.</summary>
/// <param name="Numerator">How many.</param>
/// <param name="Denominator">Of how many: 100, 10,000 or 1,000,000.</param>
public readonly record struct RuntimeShare(uint Numerator, uint Denominator);
