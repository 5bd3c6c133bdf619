using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>What our side of a connection offers and demands. Never changes; shared by all workers. New settings make a new one, and connections keep theirs.</summary>
internal abstract class TlsContext
{
    /// <summary>True on the side that accepts connections.</summary>
    public abstract bool IsServer { get; }

    /// <summary>Versions and suites.</summary>
    public abstract TlsParameters Parameters { get; }

    /// <summary>The protocols that our side takes part in ALPN with.</summary>
    public abstract IReadOnlyList<string> OfferedProtocols { get; }

    /// <summary>The versions that our side speaks, the newest first.</summary>
    public IEnumerable<string> OfferedVersions => ((string[])["TLSv1.3", "TLSv1.2"]).Where(
        version => version == "TLSv1.3" ? Parameters.Maximum == TlsVersion.Tls13 : Parameters.Minimum == TlsVersion.Tls12);

    /// <summary>How the peer's certificate is judged; null for not at all.</summary>
    public PeerVerifier? Verifier { get; protected init; }

    /// <summary>What the library holds.</summary>
    protected abstract SslContextHandle Main { get; }

    /// <summary>A session of the library for one connection.</summary>
    public nint NewSession()
    {
        var handle = Main;
        var ssl = LibSsl.New(handle.Value);
        GC.KeepAlive(handle);
        return ssl != 0 ? ssl : throw new TlsException($"no TLS session can be made: {OpenSslErrors.Take()}");
    }

    /// <summary>A context of the library with what both sides have in common.</summary>
    protected static SslContextHandle Create(bool isServer, TlsParameters parameters, bool prefersClientSuites = false)
    {
        OpenSslLibrary.Require();
        var context = new SslContextHandle(isServer, prefersClientSuites);
        context.SetVersions(parameters.Minimum, parameters.Maximum);
        context.SetCipherSuites(parameters.CipherSuites.Count > 0 ? parameters.CipherSuites : TlsDefaults.CipherSuites);
        context.SetGroups(parameters.Groups);
        if (parameters.SignatureAlgorithms.Count > 0)
        {
            context.SetSignatureAlgorithms(parameters.SignatureAlgorithms);
        }

        return context;
    }
}
