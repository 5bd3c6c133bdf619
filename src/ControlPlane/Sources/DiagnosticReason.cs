namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>The reasons of <see cref="Diagnostic.Reason"/>, in the form of Kubernetes' condition reasons.</summary>
public static class DiagnosticReason
{
    /// <summary>The file cannot be read, or is over a limit.</summary>
    public const string UnreadableFile = nameof(UnreadableFile);

    /// <summary>The file is not YAML or JSON.</summary>
    public const string InvalidSyntax = nameof(InvalidSyntax);

    /// <summary>A document is not a Kubernetes object: it lacks a kind, a name, or the like.</summary>
    public const string InvalidObject = nameof(InvalidObject);

    /// <summary>A field has the wrong type or a value that Kubernetes refuses, or is missing.</summary>
    public const string InvalidField = nameof(InvalidField);

    /// <summary>A field that this version does not know.</summary>
    public const string UnknownField = nameof(UnknownField);

    /// <summary>A kind that plays no part here.</summary>
    public const string UnusedKind = nameof(UnusedKind);

    /// <summary>The same object stands in two places.</summary>
    public const string DuplicateObject = nameof(DuplicateObject);

    /// <summary>Another Ingress, which is older, has the same host and path.</summary>
    public const string PathConflict = nameof(PathConflict);

    /// <summary>Another Ingress, which is older, has the default backend.</summary>
    public const string DefaultBackendConflict = nameof(DefaultBackendConflict);

    /// <summary>An Ingress names an IngressClass that does not exist.</summary>
    public const string IngressClassNotFound = nameof(IngressClassNotFound);

    /// <summary>More than one IngressClass is the default.</summary>
    public const string SeveralDefaultClasses = nameof(SeveralDefaultClasses);

    /// <summary>The Ingress belongs to another controller.</summary>
    public const string NotOurClass = nameof(NotOurClass);

    /// <summary>A backend names a Service that does not exist.</summary>
    public const string ServiceNotFound = nameof(ServiceNotFound);

    /// <summary>A backend names a port that the Service does not have.</summary>
    public const string PortNotFound = nameof(PortNotFound);

    /// <summary>A backend's Service port has no endpoint that serves.</summary>
    public const string NoEndpoints = nameof(NoEndpoints);

    /// <summary>An EndpointSlice that belongs to no Service.</summary>
    public const string UnboundEndpointSlice = nameof(UnboundEndpointSlice);

    /// <summary>A Secret that an Ingress or an option names cannot be used: it is missing, of another type, or out of its time.</summary>
    public const string SecretNotUsable = nameof(SecretNotUsable);

    /// <summary>A host is to be served over TLS, but there is no certificate for it.</summary>
    public const string NoCertificate = nameof(NoCertificate);

    /// <summary>Another Ingress, which is older, has another certificate for the same host.</summary>
    public const string CertificateConflict = nameof(CertificateConflict);

    /// <summary>A certificate is used for a host that it is not for.</summary>
    public const string CertificateNameMismatch = nameof(CertificateNameMismatch);

    /// <summary>A host is to be served over TLS, but no rule of the Ingress is for it.</summary>
    public const string TlsHostWithoutRule = nameof(TlsHostWithoutRule);

    /// <summary>Valid, but this version does not act on it.</summary>
    public const string NotSupported = nameof(NotSupported);
}
