using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Admission;

/// <summary>
/// Makes the head of a request say who its client is, and nothing that the client may not say: what Envoy's connection manager does before it
/// looks for a route (Envoy documentation, "HTTP header sanitizing"). Routes, logs and the upstream see the result.
/// </summary>
internal static class RequestIdentity
{
    private const int RequestIdLength = 36;

    /// <summary>Only this proxy says whether a request is internal.</summary>
    private static readonly HeaderMask NeverTheClients = HeaderMask.Of(KnownHeader.XEnvoyInternal);

    /// <summary>Taken from every request that is not internal.</summary>
    private static readonly HeaderMask NotFromOutside = NeverTheClients.With(HeaderMask.Of(
        KnownHeader.XEnvoyControl, KnownHeader.XEnvoyExpectedRequestTimeoutMs));

    /// <summary>Taken at the edge: whatever else begins with <c>x-envoy-</c>. Envoy leaves names there that it does not know.</summary>
    private static readonly HeaderMask NotAtTheEdge = NotFromOutside.With(HeaderMask.Of(
        KnownHeader.XEnvoyOther, KnownHeader.XEnvoyDecoratorOperation, KnownHeader.XEnvoyOriginalPath, KnownHeader.XEnvoyAttemptCount,
        KnownHeader.XEnvoyUpstreamServiceTime, KnownHeader.XEnvoyExternalAddress));

    private static readonly HeaderMask ForwardedProto = HeaderMask.Of(KnownHeader.XForwardedProto);
    private static readonly HeaderMask RequestId = HeaderMask.Of(KnownHeader.XRequestId);

    /// <summary>Rewrites the head; the status to refuse the request with, or 0.</summary>
    public static int Establish(Exchange exchange, HttpConnectionManagerState state)
    {
        var request = exchange.Request;
        var http = state.Config;
        var detection = ClientDetection.Run(exchange, state);
        if (detection.RejectStatus != 0)
        {
            return detection.RejectStatus;
        }

        var isInternal = detection.MayBeInternal
            && (exchange.Client.Value.Length == 0 ? http.UnixSocketsAreInternal : CidrRange.AnyContains(http.InternalAddresses, exchange.Client.Value));
        var isEdge = http.UseRemoteAddress && !isInternal;
        request.Withhold(isEdge ? NotAtTheEdge : isInternal ? NeverTheClients : NotFromOutside);
        if (!isInternal && exchange.Routes is { InternalOnlyHeaders: { Length: > 0 } names })
        {
            WithholdAll(request, names);
        }

        // The peer of a Unix domain socket has no address.
        if (detection.AppendsPeer && exchange.RemoteAddress.Path is null)
        {
            AppendPeer(request, exchange.RemoteAddress.AddressText.Span);
        }

        var tls = exchange.ClientTls;
        request.ClientCertificate = tls is not { HasPeerCertificate: true } ? ClientCertificateStatus.None
            : tls.IsPeerValidated ? ClientCertificateStatus.Validated : ClientCertificateStatus.Presented;
        ForwardedClientCertificate.Establish(exchange, http.ClientCertificate);
        SetForwardedProto(request, http, tls is not null);
        if (isInternal)
        {
            request.AddOwnField("x-envoy-internal"u8, KnownHeader.XEnvoyInternal, "true"u8);
        }
        else if (isEdge && exchange.Client.Value.Length > 0)
        {
            request.AddOwnField("x-envoy-external-address"u8, KnownHeader.XEnvoyExternalAddress, exchange.Client.AddressText);
        }

        if (state.Via.Length > 0)
        {
            Append(request, "via"u8, KnownHeader.Via, ", "u8, state.Via);
        }

        if (http.GenerateRequestId && (!request.Has(KnownHeader.XRequestId) || (isEdge && !http.PreserveExternalRequestId)))
        {
            request.Withhold(RequestId);
            RequestIdText.Write(request.AddOwnField("x-request-id"u8, KnownHeader.XRequestId, RequestIdLength), exchange.Worker.Random);
        }

        return 0;
    }

    /// <summary>Takes away what the route configuration keeps for internal clients (Envoy's <c>internal_only_headers</c>).</summary>
    private static void WithholdAll(RequestHead request, byte[][] names)
    {
        foreach (var name in names)
        {
            var id = KnownHeaders.Identify(name);
            if (KnownHeaders.IsName(id))
            {
                request.Withhold(HeaderMask.Of(id));
            }
            else
            {
                request.Withhold(id, name);
            }
        }
    }

    /// <summary>All <c>x-forwarded-for</c> fields joined, then the peer's address.</summary>
    private static void AppendPeer(RequestHead request, ReadOnlySpan<byte> peer) =>
        Append(request, "x-forwarded-for"u8, KnownHeader.XForwardedFor, ","u8, peer);

    /// <summary>Believed where a trusted proxy is in front, or where this is not the edge; otherwise what the connection is.</summary>
    private static void SetForwardedProto(RequestHead request, HttpConnectionManagerConfig http, bool isTls)
    {
        var isKept = !http.UseRemoteAddress || http.XffNumTrustedHops > 0;
        if (http.SchemeToOverwrite.Length == 0 && isKept && request.TryGet(KnownHeader.XForwardedProto, out var proto))
        {
            request.IsHttps = Ascii.EqualsIgnoreCase(proto, "https"u8);
            return;
        }

        request.IsHttps = http.SchemeToOverwrite.Length > 0 ? http.SchemeToOverwrite == "https" : isTls;

        request.Withhold(ForwardedProto);
        request.AddOwnField("x-forwarded-proto"u8, KnownHeader.XForwardedProto, request.Scheme);
    }

    /// <summary>Makes one field of all fields of the name and one more value.</summary>
    public static void Append(RequestHead request, ReadOnlySpan<byte> name, KnownHeader id, ReadOnlySpan<byte> separator, ReadOnlySpan<byte> last)
    {
        if (!request.Has(id))
        {
            request.AddOwnField(name, id, last);
            return;
        }

        var length = last.Length;
        foreach (ref readonly var field in request.ReceivedFields)
        {
            length += field.Id == id && !field.Value.IsEmpty ? field.Value.Length + separator.Length : 0;
        }

        var joined = request.AddOwnField(name, id, length);
        foreach (ref readonly var field in request.ReceivedFields)
        {
            if (field.Id == id && !field.Value.IsEmpty)
            {
                request.Span(field.Value).CopyTo(joined);
                separator.CopyTo(joined[field.Value.Length..]);
                joined = joined[(field.Value.Length + separator.Length)..];
            }
        }

        last.CopyTo(joined);
        request.WithholdReceived(id);
    }
}
