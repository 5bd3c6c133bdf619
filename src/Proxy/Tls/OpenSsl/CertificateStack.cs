namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>A list of certificates as the library has it (<c>STACK_OF(X509)</c>). The certificates stay whose they are.</summary>
internal sealed class CertificateStack : IDisposable
{
    public CertificateStack(NativeObjects certificates)
    {
        for (var i = 0; i < certificates.Count; i++)
        {
            _ = LibCrypto.StackPush(Value, certificates[i]);
        }
    }

    /// <summary>The library's pointer.</summary>
    public nint Value { get; } = LibCrypto.StackNew();

    public void Dispose() => LibCrypto.StackFree(Value);
}
