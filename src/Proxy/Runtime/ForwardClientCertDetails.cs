namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What becomes of <c>x-forwarded-client-cert</c>: Envoy's <c>ForwardClientCertDetails</c>. A client with a certificate is meant by "certified".</summary>
public enum ForwardClientCertDetails
{
    /// <summary>It does not go on.</summary>
    Sanitize,

    /// <summary>A certified client's goes on as it came, others' do not.</summary>
    ForwardOnly,

    /// <summary>A certified client's goes on with its certificate added, others' do not.</summary>
    AppendForward,

    /// <summary>A certified client's is replaced by its certificate, others' do not go on.</summary>
    SanitizeSet,

    /// <summary>Everybody's goes on as it came.</summary>
    AlwaysForwardOnly,
}

/// <summary>How a client's certificate is told to upstreams.</summary>
/// <param name="Forward">What becomes of the header.</param>
public sealed record ClientCertificateForwarding(ForwardClientCertDetails Forward)
{
    /// <summary>Envoy's default: no header goes on.</summary>
    public static ClientCertificateForwarding None { get; } = new(ForwardClientCertDetails.Sanitize);

    /// <summary>True to tell the whole certificate (<c>Cert</c>).</summary>
    public bool Certificate { get; init; }

    /// <summary>True to tell the whole chain (<c>Chain</c>).</summary>
    public bool Chain { get; init; }

    /// <summary>True to tell the subject (<c>Subject</c>).</summary>
    public bool Subject { get; init; }

    /// <summary>True to tell the URI names (<c>URI</c>).</summary>
    public bool Uri { get; init; }

    /// <summary>True to tell the DNS names (<c>DNS</c>).</summary>
    public bool Dns { get; init; }
}
