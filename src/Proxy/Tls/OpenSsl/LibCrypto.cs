using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>What is used of libcrypto 3: public symbols only.</summary>
internal static unsafe partial class LibCrypto
{
    public const string Name = "libcrypto.so.3";

    public const int BioTypeSourceSink = 0x0400, BioFlagRead = 1, BioFlagShouldRetry = 8, BioFlagsRetry = 0xF;

    [LibraryImport(Name, EntryPoint = "OpenSSL_version_num")]
    public static partial nuint VersionNumber();

    [LibraryImport(Name, EntryPoint = "OpenSSL_version")]
    public static partial byte* Version(int type);

    [LibraryImport(Name, EntryPoint = "ERR_get_error")]
    public static partial nuint GetError();

    /// <summary>Empties this thread's queue of errors. To ask first costs a tenth of emptying one that is empty, as it nearly always is.</summary>
    public static void ClearErrors()
    {
        if (PeekError() != 0)
        {
            DropErrors();
        }
    }

    [LibraryImport(Name, EntryPoint = "ERR_reason_error_string")]
    public static partial byte* ErrorReason(nuint error);

    [LibraryImport(Name, EntryPoint = "BIO_get_new_index")]
    public static partial int BioNewIndex();

    [LibraryImport(Name, EntryPoint = "BIO_meth_new")]
    public static partial nint BioMethodNew(int type, byte* name);

    [LibraryImport(Name, EntryPoint = "BIO_meth_set_read")]
    public static partial int BioMethodSetRead(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> read);

    [LibraryImport(Name, EntryPoint = "BIO_meth_set_write")]
    public static partial int BioMethodSetWrite(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> write);

    [LibraryImport(Name, EntryPoint = "BIO_meth_set_ctrl")]
    public static partial int BioMethodSetControl(nint method, nint control);

    [LibraryImport(Name, EntryPoint = "BIO_meth_get_ctrl")]
    public static partial nint BioMethodControl(nint method);

    [LibraryImport(Name, EntryPoint = "BIO_s_socket")]
    public static partial nint BioSocketMethod();

    [LibraryImport(Name, EntryPoint = "BIO_new")]
    public static partial nint BioNew(nint method);

    [LibraryImport(Name, EntryPoint = "BIO_free")]
    public static partial int BioFree(nint bio);

    [LibraryImport(Name, EntryPoint = "BIO_set_data")]
    public static partial void BioSetData(nint bio, nint data);

    [LibraryImport(Name, EntryPoint = "BIO_get_data")]
    [SuppressGCTransition]
    public static partial nint BioGetData(nint bio);

    [LibraryImport(Name, EntryPoint = "BIO_set_init")]
    public static partial void BioSetInit(nint bio, int init);

    [LibraryImport(Name, EntryPoint = "BIO_set_flags")]
    [SuppressGCTransition]
    public static partial void BioSetFlags(nint bio, int flags);

    [LibraryImport(Name, EntryPoint = "BIO_clear_flags")]
    [SuppressGCTransition]
    public static partial void BioClearFlags(nint bio, int flags);

    [LibraryImport(Name, EntryPoint = "BIO_new_mem_buf")]
    public static partial nint BioNewMemory(byte* bytes, int length);

    [LibraryImport(Name, EntryPoint = "PEM_read_bio_X509")]
    public static partial nint PemReadCertificate(nint bio, nint existing, nint passwordCallback, nint argument);

    [LibraryImport(Name, EntryPoint = "PEM_read_bio_PrivateKey")]
    public static partial nint PemReadPrivateKey(nint bio, nint existing, nint passwordCallback, nint argument);

    [LibraryImport(Name, EntryPoint = "PEM_read_bio_X509_CRL")]
    public static partial nint PemReadCrl(nint bio, nint existing, nint passwordCallback, nint argument);

    [LibraryImport(Name, EntryPoint = "X509_free")]
    public static partial void CertificateFree(nint certificate);

    [LibraryImport(Name, EntryPoint = "X509_CRL_free")]
    public static partial void CrlFree(nint crl);

    [LibraryImport(Name, EntryPoint = "EVP_PKEY_free")]
    public static partial void KeyFree(nint key);

    [LibraryImport(Name, EntryPoint = "i2d_X509")]
    public static partial int CertificateToDer(nint certificate, byte** output);

    [LibraryImport(Name, EntryPoint = "OPENSSL_sk_new_null")]
    public static partial nint StackNew();

    [LibraryImport(Name, EntryPoint = "OPENSSL_sk_push")]
    public static partial int StackPush(nint stack, nint item);

    [LibraryImport(Name, EntryPoint = "OPENSSL_sk_free")]
    public static partial void StackFree(nint stack);

    [LibraryImport(Name, EntryPoint = "OPENSSL_sk_num")]
    public static partial int StackCount(nint stack);

    [LibraryImport(Name, EntryPoint = "OPENSSL_sk_value")]
    public static partial nint StackValue(nint stack, int index);

    [LibraryImport(Name, EntryPoint = "X509_STORE_new")]
    public static partial nint StoreNew();

    [LibraryImport(Name, EntryPoint = "X509_STORE_free")]
    public static partial void StoreFree(nint store);

    [LibraryImport(Name, EntryPoint = "X509_STORE_add_cert")]
    public static partial int StoreAddCertificate(nint store, nint certificate);

    [LibraryImport(Name, EntryPoint = "X509_STORE_add_crl")]
    public static partial int StoreAddCrl(nint store, nint crl);

    [LibraryImport(Name, EntryPoint = "X509_STORE_set_flags")]
    public static partial int StoreSetFlags(nint store, ulong flags);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_get_ex_data")]
    public static partial nint StoreContextExtraData(nint context, int index);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_get0_cert")]
    public static partial nint StoreContextLeaf(nint context);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_get0_untrusted")]
    public static partial nint StoreContextUntrusted(nint context);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_new")]
    public static partial nint StoreContextNew();

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_free")]
    public static partial void StoreContextFree(nint context);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_init")]
    public static partial int StoreContextInit(nint context, nint store, nint leaf, nint others);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_set_default")]
    public static partial int StoreContextSetDefault(nint context, byte* name);

    [LibraryImport(Name, EntryPoint = "X509_VERIFY_PARAM_set_depth")]
    public static partial void ParametersSetDepth(nint parameters, int depth);

    [LibraryImport(Name, EntryPoint = "X509_VERIFY_PARAM_set_auth_level")]
    public static partial void ParametersSetAuthLevel(nint parameters, int level);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_get0_param")]
    public static partial nint StoreContextParameters(nint context);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_get_error")]
    public static partial int StoreContextError(nint context);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_set_error")]
    public static partial void StoreContextSetError(nint context, int error);

    [LibraryImport(Name, EntryPoint = "X509_STORE_CTX_get_error_depth")]
    public static partial int StoreContextErrorDepth(nint context);

    [LibraryImport(Name, EntryPoint = "X509_verify_cert")]
    public static partial int VerifyCertificate(nint context);

    [LibraryImport(Name, EntryPoint = "X509_verify_cert_error_string")]
    public static partial byte* VerifyErrorText(long error);

    [LibraryImport(Name, EntryPoint = "EVP_CIPHER_fetch")]
    public static partial nint CipherFetch(nint context, byte* algorithm, byte* properties);

    [LibraryImport(Name, EntryPoint = "EVP_EncryptInit_ex")]
    public static partial int EncryptInit(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Name, EntryPoint = "EVP_DecryptInit_ex")]
    public static partial int DecryptInit(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Name, EntryPoint = "EVP_MAC_CTX_set_params")]
    public static partial int MacSetParameters(nint context, Parameter* parameters);

    [LibraryImport(Name, EntryPoint = "RAND_bytes")]
    public static partial int RandomBytes(byte* buffer, int count);

    /// <summary>Memory that the library frees.</summary>
    [LibraryImport(Name, EntryPoint = "CRYPTO_malloc")]
    public static partial byte* Allocate(nuint count, byte* file, int line);

    /// <summary><c>OSSL_PARAM</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Parameter
    {
        public const uint Utf8String = 4, OctetString = 5;

        public byte* Key;
        public uint DataType;
        public void* Data;
        public nuint DataSize;
        public nuint ReturnSize;
    }

    [LibraryImport(Name, EntryPoint = "ERR_peek_error")]
    [SuppressGCTransition]
    private static partial nuint PeekError();

    [LibraryImport(Name, EntryPoint = "ERR_clear_error")]
    private static partial void DropErrors();
}
