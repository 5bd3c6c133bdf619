using System.Text;

namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>Reads PEM into the library's objects.</summary>
internal static unsafe class PemReader
{
    /// <summary>All certificates of a text, in order; at least one.</summary>
    /// <exception cref="TlsException">There is none, or one cannot be read.</exception>
    public static NativeObjects Certificates(string pem, string source)
    {
        var found = ReadAll(pem, &LibCrypto.PemReadCertificate, &LibCrypto.CertificateFree);
        return found.Count > 0 ? found : throw new TlsException($"{source} holds no certificate that OpenSSL can read");
    }

    /// <summary>All revocation lists of a text; at least one.</summary>
    public static NativeObjects RevocationLists(string pem, string source)
    {
        var found = ReadAll(pem, &LibCrypto.PemReadCrl, &LibCrypto.CrlFree);
        return found.Count > 0 ? found : throw new TlsException($"{source} holds no revocation list that OpenSSL can read");
    }

    /// <summary>The first private key of a text.</summary>
    public static NativeObjects Key(string pem, string source)
    {
        var found = ReadAll(pem, &LibCrypto.PemReadPrivateKey, &LibCrypto.KeyFree, atMost: 1);
        return found.Count > 0 ? found : throw new TlsException($"{source} holds no private key that OpenSSL can read");
    }

    private static NativeObjects ReadAll(string pem, delegate*<nint, nint, nint, nint, nint> read, delegate*<nint, void> free, int atMost = int.MaxValue)
    {
        var bytes = Encoding.UTF8.GetBytes(pem);
        var found = new List<nint>();
        fixed (byte* start = bytes)
        {
            var bio = LibCrypto.BioNewMemory(start, bytes.Length);
            while (found.Count < atMost && read(bio, 0, 0, 0) is var item and not 0)
            {
                found.Add(item);
            }

            _ = LibCrypto.BioFree(bio);
        }

        // Reading on until there is nothing more ends with an error.
        LibCrypto.ClearErrors();
        return new NativeObjects(found, free);
    }
}

/// <summary>Objects of the library that were read and are freed together; what was handed to the library has been counted there.</summary>
internal sealed unsafe class NativeObjects(List<nint> items, delegate*<nint, void> free) : IDisposable
{
    private readonly delegate*<nint, void> _free = free;

    public int Count => items.Count;

    public nint Value => items[0];

    public nint this[int index] => items[index];

    public void Dispose()
    {
        foreach (var item in items)
        {
            _free(item);
        }

        items.Clear();
    }
}
