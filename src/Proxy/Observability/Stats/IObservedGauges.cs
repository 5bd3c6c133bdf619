namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>What becomes of a gauge that several read under the same name, such as clusters that share an <c>alt_stat_name</c>.</summary>
public enum GaugeMerge
{
    /// <summary>The largest value.</summary>
    Max,

    /// <summary>The sum.</summary>
    Sum,
}

/// <summary>Takes the value of a gauge.</summary>
/// <param name="name">Name of the gauge.</param>
/// <param name="value">Its value now.</param>
/// <param name="merge">What becomes of several values.</param>
public delegate void GaugeReader(string name, long value, GaugeMerge merge);

/// <summary>Gauges that are read when somebody asks, all of one owner together; until then they cost nothing but the owner's place.</summary>
public interface IObservedGauges
{
    /// <summary>Reads all of them, on the thread that asks.</summary>
    void Read(GaugeReader read);
}
