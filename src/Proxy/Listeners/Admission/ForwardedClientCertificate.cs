using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Listeners.Admission;

/// <summary><c>x-forwarded-client-cert</c>: tells upstreams who the client proved to be (Envoy documentation, "x-forwarded-client-cert").</summary>
internal static class ForwardedClientCertificate
{
    private static readonly HeaderMask Header = HeaderMask.Of(KnownHeader.XForwardedClientCert);

    /// <summary>Takes the header away, leaves it, sets it or adds to it, as configured.</summary>
    public static void Establish(Exchange exchange, ClientCertificateForwarding forwarding)
    {
        var request = exchange.Request;
        var tls = exchange.ClientTls;
        if (forwarding.Forward == ForwardClientCertDetails.AlwaysForwardOnly)
        {
            return;
        }

        if (forwarding.Forward == ForwardClientCertDetails.Sanitize || tls is not { HasPeerCertificate: true })
        {
            request.Withhold(Header);
            return;
        }

        if (forwarding.Forward == ForwardClientCertDetails.ForwardOnly)
        {
            return;
        }

        var element = tls.ForwardedElement ??= Encoding.UTF8.GetBytes(Element(tls, forwarding));
        if (forwarding.Forward == ForwardClientCertDetails.SanitizeSet)
        {
            request.Withhold(Header);
            request.AddOwnField("x-forwarded-client-cert"u8, KnownHeader.XForwardedClientCert, element);
        }
        else
        {
            RequestIdentity.Append(request, "x-forwarded-client-cert"u8, KnownHeader.XForwardedClientCert, ","u8, element);
        }
    }

    private static string Element(TlsSocket tls, ClientCertificateForwarding forwarding)
    {
        var peer = tls.Peer!;
        var parts = new List<string>();
        parts.AddRange((tls.Local?.NamesOf(SanType.Uri) ?? []).Select(static uri => $"By={Quoted(uri)}"));
        parts.Add($"Hash={peer.Fingerprint}");
        if (forwarding.Certificate)
        {
            parts.Add($"Cert=\"{Uri.EscapeDataString(peer.Pem)}\"");
        }

        if (forwarding.Chain)
        {
            parts.Add($"Chain=\"{Uri.EscapeDataString(string.Concat(tls.PeerChain.Select(static certificate => certificate.Pem)))}\"");
        }

        if (forwarding.Subject)
        {
            parts.Add($"Subject=\"{peer.Subject.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        if (forwarding.Uri)
        {
            parts.AddRange(peer.NamesOf(SanType.Uri).Select(static uri => $"URI={Quoted(uri)}"));
        }

        if (forwarding.Dns)
        {
            parts.AddRange(peer.NamesOf(SanType.Dns).Select(static name => $"DNS={Quoted(name)}"));
        }

        return string.Join(';', parts);
    }

    /// <summary>A name in which a delimiter stands goes between quotes: it could say something that no certificate said.</summary>
    private static string Quoted(string name) =>
        name.AsSpan().IndexOfAny(",;=\"\\") < 0 ? name : $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
