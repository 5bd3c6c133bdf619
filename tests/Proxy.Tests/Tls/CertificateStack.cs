using System.Runtime.InteropServices;
using KubeProxyNet.Proxy.Tls.OpenSsl;

namespace KubeProxyNet.Proxy.Tests.Tls;

/// <summary>A list of certificates as the library has it.</summary>
internal sealed partial class CertificateStack : IDisposable
{
    public CertificateStack(NativeObjects certificates)
    {
        for (var i = 0; i < certificates.Count; i++)
        {
            _ = Push(Value, certificates[i]);
        }
    }

    public nint Value { get; } = New();

    public void Dispose() => Free(Value);

    [LibraryImport(LibCrypto.Name, EntryPoint = "OPENSSL_sk_new_null")]
    private static partial nint New();

    [LibraryImport(LibCrypto.Name, EntryPoint = "OPENSSL_sk_push")]
    private static partial int Push(nint stack, nint item);

    [LibraryImport(LibCrypto.Name, EntryPoint = "OPENSSL_sk_free")]
    private static partial void Free(nint stack);
}
