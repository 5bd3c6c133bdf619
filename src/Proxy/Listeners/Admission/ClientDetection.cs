using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Admission;

/// <summary>What is known of the client of a request.</summary>
/// <param name="MayBeInternal">True where an internal address makes the request internal.</param>
/// <param name="AppendsPeer">True to append the peer to <c>x-forwarded-for</c>.</param>
/// <param name="RejectStatus">Status to refuse the request with; 0 not to.</param>
internal readonly record struct ClientDetection(bool MayBeInternal, bool AppendsPeer, int RejectStatus = 0)
{
    /// <summary>
    /// Finds the client and notes it in the exchange, where it is not the peer (Envoy documentation, "HTTP header manipulation",
    /// x-forwarded-for).
    /// </summary>
    public static ClientDetection Run(Exchange exchange, HttpConnectionManagerState state)
    {
        var http = state.Config;
        if (http.UseRemoteAddress)
        {
            // The peer is the first hop itself, so that the client is one entry further to the right.
            if (http.XffNumTrustedHops > 0 && TryTakeFromRight(exchange.Request, http.XffNumTrustedHops - 1, out var address, out _))
            {
                exchange.Client.Set(address);
            }

            return new ClientDetection(!exchange.Request.Has(KnownHeader.XForwardedFor), !http.SkipXffAppend);
        }

        var appends = false;
        foreach (var detection in state.Detections)
        {
            var result = detection switch
            {
                XffDetection xff => FromForwardedFor(exchange, xff, out var address, out var isTrusted)
                    ? new Found(address, isTrusted, !xff.SkipXffAppend) : new Found(default, false, AppendsAnyway(exchange, xff)),
                CustomHeaderDetection header => FromHeader(exchange.Request, header),
                _ => default,
            };
            if (result.RejectStatus != 0)
            {
                return new ClientDetection(false, false, result.RejectStatus);
            }

            appends |= result.AppendsPeer;
            if (result.Address.Length > 0)
            {
                exchange.Client.Set(result.Address);
                return new ClientDetection(result.MayBeInternal, appends);
            }
        }

        return new ClientDetection(false, appends);
    }

    /// <summary>The entry that is left of so many.</summary>
    private static bool TryTakeFromRight(RequestHead request, uint skipped, out IpAddress address, out bool isSingle)
    {
        var entries = new ForwardedForEntries(request);
        address = default;
        isSingle = false;
        for (uint i = 0; i < skipped; i++)
        {
            if (!entries.TryTake(out _))
            {
                return false;
            }
        }

        if (!entries.TryTake(out var entry) || !IpAddress.TryParse(entry, out address))
        {
            return false;
        }

        isSingle = skipped == 0 && !entries.TryTake(out _);
        return true;
    }

    private static bool FromForwardedFor(Exchange exchange, XffDetection xff, out IpAddress address, out bool isSingle)
    {
        if (xff.TrustedCidrs.IsEmpty)
        {
            return TryTakeFromRight(exchange.Request, xff.TrustedHops, out address, out isSingle);
        }

        address = default;
        isSingle = false;
        if (!CidrRange.AnyContains(xff.TrustedCidrs, exchange.RemoteAddress.Value))
        {
            return false;
        }

        var entries = new ForwardedForEntries(exchange.Request);
        while (entries.TryTake(out var entry) && IpAddress.TryParse(entry, out var hop))
        {
            address = hop;
            if (!CidrRange.AnyContains(xff.TrustedCidrs, hop))
            {
                break;
            }
        }

        return address.Length > 0;
    }

    /// <summary>Envoy appends a peer that is none of the proxies, whatever is configured.</summary>
    private static bool AppendsAnyway(Exchange exchange, XffDetection xff) =>
        !xff.SkipXffAppend || (!xff.TrustedCidrs.IsEmpty && !CidrRange.AnyContains(xff.TrustedCidrs, exchange.RemoteAddress.Value));

    private static Found FromHeader(RequestHead request, CustomHeaderDetection header)
    {
        Span<byte> name = stackalloc byte[header.HeaderName.Length];
        Encoding.ASCII.GetBytes(header.HeaderName, name);
        return request.TryGet(name, out var value) && IpAddress.TryParse(value, out var address)
            ? new Found(address, header.AllowsTrust, AppendsPeer: true)
            : new Found(default, MayBeInternal: false, AppendsPeer: true, header.RejectStatus);
    }

    private readonly record struct Found(IpAddress Address, bool MayBeInternal, bool AppendsPeer, int RejectStatus = 0);
}
