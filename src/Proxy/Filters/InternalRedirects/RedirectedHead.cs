using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Filters.InternalRedirects;

/// <summary>Composes the request for the target of a redirect: the client's, as it was admitted, with another host and path.</summary>
internal static class RedirectedHead
{
    private const int OwnRoom = 256;

    /// <summary>The head; valid until the worker composes another.</summary>
    public static ReadOnlySpan<byte> Compose(Exchange exchange, CompiledInternalRedirects policy, ResponseHead response, in RedirectLocation location)
    {
        var request = exchange.Request;
        var worstCase = OwnRoom + (4 * exchange.Parser.HeadEnd) + (2 * request.OwnLength) + request.Authority.Length + (2 * exchange.UpstreamFieldsEnd);
        var scratch = exchange.Worker.Scratch;
        var writer = new ByteWriter(worstCase <= scratch.Length ? scratch : new byte[worstCase]);
        var becomesGet = response.Status == 303 && !InternalRedirect.IsSafe(request.Method);
        writer.Write(becomesGet ? "GET"u8 : request.Method);
        writer.Write(" "u8);
        writer.Write(location.Target is [(byte)'/', ..] ? ""u8 : "/"u8);
        writer.Write(location.Target);
        writer.Write(request.MinorVersion == 0 ? " HTTP/1.0\r\n"u8 : " HTTP/1.1\r\n"u8);
        writer.WriteField("host"u8, location.Authority);
        foreach (ref readonly var field in request.Fields)
        {
            var name = request.Span(field.Name);
            var isLeftOut = field.Id is KnownHeader.Withheld or KnownHeader.Host or KnownHeader.Expect
                || (becomesGet && field.Id is KnownHeader.ContentLength or KnownHeader.TransferEncoding)
                || (field.Id == KnownHeader.XEnvoyControl && name.SequenceEqual("x-envoy-original-url"u8))
                || policy.Copies(name);
            if (!isLeftOut)
            {
                writer.WriteField(name, request.Span(field.Value));
            }
        }

        if (policy.HeadersToCopy.Length > 0)
        {
            CopyFrom(response, policy, ref writer);
        }

        writer.Write("x-envoy-original-url: "u8);
        writer.Write(request.Scheme);
        writer.Write("://"u8);
        writer.Write(request.Authority);
        writer.Write(request.Target);
        writer.Write("\r\n\r\n"u8);
        return writer.Written;
    }

    private static void CopyFrom(ResponseHead response, CompiledInternalRedirects policy, ref ByteWriter writer)
    {
        foreach (ref readonly var field in response.Fields)
        {
            var name = response.Span(field.Name);
            if (field.Id != KnownHeader.Withheld && policy.Copies(name))
            {
                writer.WriteField(name, response.Span(field.Value));
            }
        }
    }
}
