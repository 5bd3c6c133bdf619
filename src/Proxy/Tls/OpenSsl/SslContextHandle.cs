using System.Runtime.InteropServices;
using System.Text;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>A context of the library (<c>SSL_CTX</c>). It counts its users itself: sessions outlive the handle.</summary>
internal sealed unsafe class SslContextHandle : SafeHandle
{
    public SslContextHandle(bool isServer, bool prefersClientSuites = false)
        : base(0, ownsHandle: true)
    {
        SetHandle(LibSsl.ContextNew(isServer ? LibSsl.ServerMethod() : LibSsl.ClientMethod()));
        Check(IsInvalid ? 0 : 1, "make a context");
        var options = LibSsl.OptionNoCompression | LibSsl.OptionNoRenegotiation;
        _ = LibSsl.ContextSetOptions(handle, isServer && !prefersClientSuites ? options | LibSsl.OptionServerPreference | LibSsl.OptionPrioritizeChaCha : options);
        Control(LibSsl.ControlMode, LibSsl.ModeEnablePartialWrite | LibSsl.ModeMovingWriteBuffer | LibSsl.ModeReleaseBuffers);
        Control(LibSsl.ControlClearMode, LibSsl.ModeAutoRetry);
        Control(LibSsl.ControlReadAhead, 1);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The library's pointer; keep the handle alive while it is used.</summary>
    public nint Value => handle;

    public void SetVersions(TlsVersion minimum, TlsVersion maximum)
    {
        Check((int)Control(LibSsl.ControlMinimumVersion, Number(minimum)), "set the lowest version");
        Check((int)Control(LibSsl.ControlMaximumVersion, Number(maximum)), "set the highest version");
    }

    public void SetCipherSuites(ValueList<string> names)
    {
        fixed (byte* list = Joined(names))
        {
            Check(LibSsl.ContextSetCipherList(handle, list), $"use the cipher suites {string.Join(", ", names)}");
        }

        fixed (byte* list = Joined(TlsDefaults.Tls13CipherSuites))
        {
            Check(LibSsl.ContextSetTls13Suites(handle, list), "use the cipher suites of TLS 1.3");
        }
    }

    /// <summary>Sets the groups; the default ones where the list is empty.</summary>
    public void SetGroups(ValueList<string> names)
    {
        if (names.Count > 0)
        {
            Check(TrySetGroups(names) ? 1 : 0, $"use the groups {string.Join(", ", names)}");
        }
        else if (!TrySetGroups(TlsDefaults.Groups))
        {
            LibCrypto.ClearErrors();
            Check(TrySetGroups(TlsDefaults.ClassicGroups) ? 1 : 0, "use the default groups");
        }
    }

    public void SetSignatureAlgorithms(ValueList<string> names)
    {
        fixed (byte* list = Joined(names))
        {
            Check((int)LibSsl.ContextControl(handle, LibSsl.ControlSignatureAlgorithms, 0, list), $"use the signature algorithms {string.Join(", ", names)}");
        }
    }

    /// <summary>Presents this certificate: in place of one with the same kind of key, beside those with others.</summary>
    /// <returns>The certificate as the library holds it, for as long as the context lives.</returns>
    public nint Use(CertificateConfig certificate)
    {
        using var chain = PemReader.Certificates(certificate.Chain, certificate.Source);
        using var key = PemReader.Key(certificate.Key, certificate.Source);
        Check(LibSsl.ContextUseCertificate(handle, chain[0]), $"use the certificate of {certificate.Source}");
        Check(LibSsl.ContextUsePrivateKey(handle, key.Value), $"use the key of {certificate.Source} with its certificate");
        for (var i = 1; i < chain.Count; i++)
        {
            // Counted by the library.
            Check((int)LibSsl.ContextControl(handle, LibSsl.ControlChainCertificate, 1, (void*)chain[i]), $"use the chain of {certificate.Source}");
        }

        return chain[0];
    }

    /// <summary>A control call of the context.</summary>
    public nint Control(int command, nint number) => LibSsl.ContextControl(handle, command, number, null);

    /// <summary>Throws where a call failed.</summary>
    public static void Check(int result, string what)
    {
        if (result <= 0)
        {
            throw new TlsException($"OpenSSL cannot {what}: {OpenSslErrors.Take()}");
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibSsl.ContextFree(handle);
        return true;
    }

    private bool TrySetGroups(ValueList<string> names)
    {
        fixed (byte* list = Joined(names))
        {
            return LibSsl.ContextControl(handle, LibSsl.ControlGroups, 0, list) == 1;
        }
    }

    private static byte[] Joined(ValueList<string> names) => Encoding.ASCII.GetBytes(string.Join(':', names) + '\0');

    private static int Number(TlsVersion version) => version == TlsVersion.Tls12 ? LibSsl.Tls12 : LibSsl.Tls13;
}
