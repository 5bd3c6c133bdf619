using System.Runtime.InteropServices;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>Trusted authorities and revocation lists, as the library holds them (<c>X509_STORE</c>).</summary>
internal sealed unsafe class TrustStore : SafeHandle
{
    private const int Unspecified = 1;

    /// <summary>At least 80 bits of strength in keys and signatures of a chain: neither MD5 nor SHA-1, no RSA below 1,024 bits (OpenSSL, SSL_CTX_set_security_level).</summary>
    private const int AuthLevel = 1;

    private const ulong CheckRevocation = 0x4, CheckWholeChain = 0x8, PartialChain = 0x80000, IgnoreTime = 0x200000;

    /// <summary>Makes a store.</summary>
    /// <param name="authorities">In PEM. One need not be a root to end a chain.</param>
    /// <param name="config">What else is demanded.</param>
    public TrustStore(string authorities, PeerValidationConfig config)
        : base(0, ownsHandle: true)
    {
        SetHandle(LibCrypto.StoreNew());
        using var certificates = PemReader.Certificates(authorities, config.Source);
        for (var i = 0; i < certificates.Count; i++)
        {
            SslContextHandle.Check(LibCrypto.StoreAddCertificate(handle, certificates[i]), $"trust an authority of {config.Source}");
        }

        var flags = PartialChain | (config.AllowExpired ? IgnoreTime : 0);
        if (config.Crl.Length > 0)
        {
            using var lists = PemReader.RevocationLists(config.Crl, config.Source);
            for (var i = 0; i < lists.Count; i++)
            {
                SslContextHandle.Check(LibCrypto.StoreAddCrl(handle, lists[i]), $"use a revocation list of {config.Source}");
            }

            flags |= CheckRevocation | (config.OnlyVerifyLeafCrl ? 0 : CheckWholeChain);
        }

        _ = LibCrypto.StoreSetFlags(handle, flags);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Builds a chain from a certificate to one that is trusted.</summary>
    /// <param name="leaf">The certificate.</param>
    /// <param name="others">What was presented beside it.</param>
    /// <param name="isClient">True where it belongs to a client.</param>
    /// <param name="maxDepth">Most certificates in between; null for the library's limit.</param>
    /// <param name="depth">Where the chain failed.</param>
    /// <returns>The library's error number; 0 for none.</returns>
    public int Verify(nint leaf, nint others, bool isClient, int? maxDepth, out int depth)
    {
        var context = LibCrypto.StoreContextNew();
        try
        {
            depth = 0;
            if (LibCrypto.StoreContextInit(context, handle, leaf, others) != 1)
            {
                LibCrypto.ClearErrors();
                return Unspecified;
            }

            fixed (byte* purpose = isClient ? "ssl_client\0"u8 : "ssl_server\0"u8)
            {
                _ = LibCrypto.StoreContextSetDefault(context, purpose);
            }

            LibCrypto.ParametersSetAuthLevel(LibCrypto.StoreContextParameters(context), AuthLevel);
            if (maxDepth is { } most)
            {
                LibCrypto.ParametersSetDepth(LibCrypto.StoreContextParameters(context), most);
            }

            var isTrusted = LibCrypto.VerifyCertificate(context) == 1;
            depth = LibCrypto.StoreContextErrorDepth(context);
            var error = LibCrypto.StoreContextError(context);
            LibCrypto.ClearErrors();
            return isTrusted ? 0 : error == 0 ? Unspecified : error;
        }
        finally
        {
            LibCrypto.StoreContextFree(context);
            GC.KeepAlive(this);
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibCrypto.StoreFree(handle);
        return true;
    }

}
