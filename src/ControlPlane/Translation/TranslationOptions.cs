using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>What the translation needs to know besides the objects.</summary>
public sealed record TranslationOptions
{
    /// <summary>The name under which an IngressClass gives its Ingresses to this controller (<c>spec.controller</c>).</summary>
    public const string ControllerName = "kubeproxynet.dev/ingress-controller";

    /// <summary>The value of the annotation <c>kubernetes.io/ingress.class</c> that stands for this controller without an IngressClass object.</summary>
    public const string LegacyClassName = "kpn";

    /// <summary>The IP address that the proxies listen on; 0.0.0.0 by default.</summary>
    public string HttpAddress { get; init; } = "0.0.0.0";

    /// <summary>The port that the proxies listen on for HTTP; 8080 by default.</summary>
    public int HttpPort { get; init; } = 8080;

    /// <summary>The port that the proxies listen on for HTTPS, once any host is served over TLS; 8443 by default.</summary>
    public int HttpsPort { get; init; } = 8443;

    /// <summary>The port that clients reach HTTPS on, for redirects; null, the default, for <see cref="HttpsPort"/>.</summary>
    public int? HttpsRedirectPort { get; init; }

    /// <summary>
    /// The Secret with the certificate for clients that name no host of an Ingress with a certificate, and for Ingresses that name no Secret or one that
    /// cannot be used. Null, the default, for none: such clients are refused.
    /// </summary>
    public ObjectName? DefaultTlsSecret { get; init; }

    /// <summary>True when the proxies log each request to standard output; false by default.</summary>
    public bool AccessLog { get; init; }
}
