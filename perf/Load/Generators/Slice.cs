using System.Globalization;

namespace KubeProxyNet.Load.Generators;

/// <summary>How long a load generator goes on.</summary>
/// <param name="Duration">Until so much time is over; generators that know seconds alone take whole ones.</param>
/// <param name="Requests">Until it has asked for so many, whatever time that takes; null to go by the time.</param>
internal readonly record struct Slice(TimeSpan Duration, int? Requests = null)
{
    /// <summary>At least one.</summary>
    public int WholeSeconds => Math.Max(1, (int)Duration.TotalSeconds);

    public static implicit operator Slice(TimeSpan duration) => new(duration);

    /// <summary>As reports say it.</summary>
    public override string ToString() => Requests is { } requests
        ? string.Create(CultureInfo.InvariantCulture, $"{requests:N0} requests")
        : string.Create(CultureInfo.InvariantCulture, $"{Duration.TotalSeconds:0.#} s");
}
