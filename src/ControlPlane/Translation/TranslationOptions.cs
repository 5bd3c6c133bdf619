namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>What the translation needs to know besides the objects.</summary>
public sealed record TranslationOptions
{
    /// <summary>The name under which an IngressClass gives its Ingresses to this controller (<c>spec.controller</c>).</summary>
    public const string ControllerName = "kubeproxynet.dev/ingress-controller";

    /// <summary>The value of the annotation <c>kubernetes.io/ingress.class</c> that stands for this controller without an IngressClass object.</summary>
    public const string LegacyClassName = "kpn";

    /// <summary>The IP address that the proxies listen on for HTTP; 0.0.0.0 by default.</summary>
    public string HttpAddress { get; init; } = "0.0.0.0";

    /// <summary>The port that the proxies listen on for HTTP; 8080 by default.</summary>
    public int HttpPort { get; init; } = 8080;

    /// <summary>True when the proxies log each request to standard output; false by default.</summary>
    public bool AccessLog { get; init; }
}
