using System.Text;
using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>Counts calls of gRPC in the statistics of their clusters: Envoy's <c>envoy.filters.http.grpc_stats</c>.</summary>
/// <param name="Name">Its name.</param>
public sealed record GrpcStatsConfig(string Name) : HttpFilterConfig(Name)
{
    /// <summary>True to count each method by itself, whatever clients call; false by default.</summary>
    public bool CountsAllMethods { get; init; }

    /// <summary>Methods to count by themselves, as <c>/SERVICE/METHOD</c>, where <see cref="CountsAllMethods"/> is false; the others are counted together.</summary>
    public ValueList<string> Methods { get; init; } = ValueList<string>.Empty;

    /// <summary>True to note how long upstreams take.</summary>
    public bool MeasuresUpstream { get; init; }

    /// <summary>True to write the names of services with underscores for dots; only with <see cref="CountsAllMethods"/>.</summary>
    public bool ReplacesDots { get; init; }

    /// <summary>True where a method is one of <see cref="Methods"/>.</summary>
    internal bool Lists(ReadOnlySpan<byte> path)
    {
        foreach (var method in Methods)
        {
            if (Ascii.Equals(path, method))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Makes calls of gRPC out of those of browsers: Envoy's <c>envoy.filters.http.grpc_web</c>.</summary>
/// <param name="Name">Its name.</param>
public sealed record GrpcWebConfig(string Name) : HttpFilterConfig(Name);
