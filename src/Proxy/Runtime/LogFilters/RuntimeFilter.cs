using System.Buffers.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Runtime.LogFilters;

/// <summary>
/// <c>runtime_filter</c>: a share of the exchanges. As in Envoy it is decided by the first eight digits of the request id, so that all
/// proxies on the way of a request decide alike; where there is no such id, or independent randomness is asked for, by chance.
/// </summary>
/// <param name="fraction">The share.</param>
/// <param name="useIndependentRandomness">True to leave the request id out of it.</param>
public sealed class RuntimeFilter(RuntimeFraction fraction, bool useIndependentRandomness) : AccessLogFilter
{
    private const int IdDigits = 8;

    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request)
    {
        var number = !useIndependentRandomness && TryReadId(exchange.StreamId, out var id) ? id : exchange.NextRandom();
        return fraction.Includes(exchange.RuntimeValues, number);
    }

    private static bool TryReadId(ReadOnlySpan<byte> id, out ulong number)
    {
        number = 0;
        return id.Length >= IdDigits && Utf8Parser.TryParse(id[..IdDigits], out number, out var consumed, 'x') && consumed == IdDigits;
    }
}
