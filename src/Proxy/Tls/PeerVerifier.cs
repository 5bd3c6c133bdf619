using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>What became of the peer's certificate.</summary>
/// <param name="IsTrusted">True where it is as demanded.</param>
/// <param name="Reason">What is wrong with it in words; empty for nothing.</param>
internal sealed record PeerVerdict(bool IsTrusted, string Reason);

/// <summary>Judges the certificates of peers by one validation context.</summary>
internal sealed unsafe class PeerVerifier
{
    private readonly PeerValidationConfig _config;

    public PeerVerifier(PeerValidationConfig config)
    {
        _config = config;
    }

    public PeerValidationConfig Config => _config;

    /// <summary>A text that differs where two validations differ in what they accept.</summary>
    public static string Fingerprint(PeerValidationConfig? config) => config is null ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{config}\n{string.Join('\n', config.CertificateHashes)}\n{string.Join('\n', config.SpkiHashes)}\n{string.Join('\n', config.Sans)}\n{string.Join('\n', config.TrustDomains)}")));

    /// <summary>Has a context of the library ask for certificates and judge them by this.</summary>
    public void Install(SslContextHandle context, bool isRequired)
    {
        if (_config.TrustedCa.Length > 0)
        {
            using var authorities = PemReader.Certificates(_config.TrustedCa, _config.Source);
            var store = LibSsl.ContextGetCertificateStore(context.Value);
            for (var i = 0; i < authorities.Count; i++)
            {
                _ = LibCrypto.StoreAddCertificate(store, authorities[i]);
            }
        }

        LibSsl.ContextSetVerify(context.Value, LibSsl.VerifyPeer | (isRequired ? LibSsl.VerifyFailIfNoPeerCertificate : 0), null);
        LibSsl.ContextSetCertificateVerifyCallback(context.Value, &OnVerify, 0);
    }

    private PeerVerdict Judge(nint store)
    {
        if (_config.TrustedCa.Length > 0 && LibCrypto.VerifyCertificate(store) != 1)
        {
            LibCrypto.ClearErrors();
            var error = LibCrypto.StoreContextError(store);
            return new PeerVerdict(_config.AcceptUntrusted, Marshal.PtrToStringUTF8((nint)LibCrypto.VerifyErrorText(error)) ?? "");
        }

        return new PeerVerdict(true, "");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnVerify(nint store, nint argument)
    {
        var socket = TlsSocket.Of(LibCrypto.StoreContextExtraData(store, LibSsl.ExtraDataIndexOfStoreContext()));
        socket.Verdict = socket.Context.Verifier!.Judge(store);
        return socket.Verdict.IsTrusted ? 1 : 0;
    }
}
