using System.Text;
using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns Envoy's <c>Pipe</c> into the address of a Unix domain socket.</summary>
internal static class PipeTranslator
{
    /// <summary>The address; null after a problem.</summary>
    /// <param name="pipe">The message.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where the address stands that it is.</param>
    public static SocketEndpoint? AddressOf(Pipe pipe, TranslationProblems problems, ConfigPath path)
    {
        var place = path.Field("pipe");
        if (Encoding.UTF8.GetByteCount(pipe.Path) > SocketEndpoint.MaxPathLength)
        {
            problems.Add(place.Field("path"), $"is longer than the {SocketEndpoint.MaxPathLength} bytes of a Unix domain socket", "write a shorter path");
            return null;
        }

        // The kernel ends a path at the first zero; Envoy alone reads an abstract name on.
        if (pipe.Path.Contains('\0', StringComparison.Ordinal))
        {
            problems.Add(place.Field("path"), "contains a zero byte", "write a path without it");
            return null;
        }

        if (pipe is { Mode: > 0 } && pipe.Path.StartsWith('@'))
        {
            problems.Add(place.Field("mode"), "a socket of the abstract namespace has no mode", "leave it out");
            return null;
        }

        return SocketEndpoint.OfPath(pipe.Path);
    }
}
