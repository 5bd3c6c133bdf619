using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>What is used of libssl 3: public symbols only, blittable and without marshalling. What its headers make macros of goes through the control functions.</summary>
internal static unsafe partial class LibSsl
{
    public const string Name = "libssl.so.3";

    public const int ErrorNone = 0, ErrorWantRead = 2, ErrorZeroReturn = 6;
    public const int ControlMode = 33, ControlReadAhead = 41, ControlSessionCacheSize = 42, ControlSessionCacheMode = 44;
    public const int ControlServerNameCallback = 53, ControlHostName = 55, ControlStatusCallback = 63, ControlStatusResponse = 71;
    public const int ControlChainCertificate = 89, ControlGroups = 92, ControlSignatureAlgorithms = 98;
    public const int ControlMinimumVersion = 123, ControlMaximumVersion = 124;
    public const int ControlStatusRequestType = 127, ControlNegotiatedGroup = 134;
    public const int ModeEnablePartialWrite = 1, ModeMovingWriteBuffer = 2, ModeReleaseBuffers = 0x10, ModeAutoRetry = 4, ControlClearMode = 78;
    public const ulong OptionNoTicket = 1UL << 14, OptionNoCompression = 1UL << 17, OptionPrioritizeChaCha = 1UL << 21,
        OptionServerPreference = 1UL << 22, OptionNoRenegotiation = 1UL << 30;
    public const int SessionCacheOff = 0, SessionCacheClient = 1, SessionCacheServer = 2, SessionCacheNoInternal = 0x300;
    public const int VerifyPeer = 1, VerifyFailIfNoPeerCertificate = 2;
    public const int ExtensionOk = 0, ExtensionAlertFatal = 2, ExtensionNoAcknowledge = 3;
    public const int Tls12 = 0x0303, Tls13 = 0x0304;
    public const int SentShutdown = 1, ReceivedShutdown = 2;

    [LibraryImport(Name, EntryPoint = "TLS_server_method")]
    public static partial nint ServerMethod();

    [LibraryImport(Name, EntryPoint = "TLS_client_method")]
    public static partial nint ClientMethod();

    [LibraryImport(Name, EntryPoint = "SSL_CTX_new")]
    public static partial nint ContextNew(nint method);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_free")]
    public static partial void ContextFree(nint context);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ContextControl(nint context, int command, nint number, void* pointer);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_callback_ctrl")]
    public static partial nint ContextCallbackControl(nint context, int command, void* callback);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong ContextSetOptions(nint context, ulong options);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_cipher_list")]
    public static partial int ContextSetCipherList(nint context, byte* list);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_ciphersuites")]
    public static partial int ContextSetTls13Suites(nint context, byte* list);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_session_id_context")]
    public static partial int ContextSetSessionIdContext(nint context, byte* id, uint length);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_timeout")]
    public static partial nint ContextSetTimeout(nint context, nint seconds);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_num_tickets")]
    public static partial int ContextSetTicketCount(nint context, nuint count);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_default_read_buffer_len")]
    public static partial void ContextSetReadBufferLength(nint context, nuint length);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_use_certificate")]
    public static partial int ContextUseCertificate(nint context, nint certificate);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_use_PrivateKey")]
    public static partial int ContextUsePrivateKey(nint context, nint key);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_verify")]
    public static partial void ContextSetVerify(nint context, int mode, void* callback);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_cert_verify_callback")]
    public static partial void ContextSetCertificateVerifyCallback(nint context, delegate* unmanaged[Cdecl]<nint, nint, int> callback, nint argument);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_add_client_CA")]
    public static partial int ContextAddClientCa(nint context, nint certificate);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    public static partial void ContextSetAlpnSelectCallback(
        nint context, delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int> callback, nint argument);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_alpn_protos")]
    public static partial int ContextSetAlpnProtocols(nint context, byte* protocols, uint length);

    [LibraryImport(Name, EntryPoint = "SSL_set_alpn_protos")]
    public static partial int SetAlpnProtocols(nint ssl, byte* protocols, uint length);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_set_tlsext_ticket_key_evp_cb")]
    public static partial int ContextSetTicketKeyCallback(
        nint context, delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint, nint, int, int> callback);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_sess_set_new_cb")]
    public static partial void ContextSetNewSessionCallback(nint context, delegate* unmanaged[Cdecl]<nint, nint, int> callback);

    [LibraryImport(Name, EntryPoint = "SSL_new")]
    public static partial nint New(nint context);

    [LibraryImport(Name, EntryPoint = "SSL_free")]
    public static partial void Free(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_set_bio")]
    public static partial void SetBio(nint ssl, nint read, nint write);

    [LibraryImport(Name, EntryPoint = "SSL_set_ex_data")]
    public static partial int SetExtraData(nint ssl, int index, nint data);

    [LibraryImport(Name, EntryPoint = "SSL_get_ex_data")]
    public static partial nint GetExtraData(nint ssl, int index);

    [LibraryImport(Name, EntryPoint = "SSL_get_ex_data_X509_STORE_CTX_idx")]
    public static partial int ExtraDataIndexOfStoreContext();

    [LibraryImport(Name, EntryPoint = "SSL_set_accept_state")]
    public static partial void SetAcceptState(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_set_connect_state")]
    public static partial void SetConnectState(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_do_handshake")]
    public static partial int DoHandshake(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_read")]
    public static partial int Read(nint ssl, byte* buffer, int length);

    [LibraryImport(Name, EntryPoint = "SSL_peek")]
    public static partial int Peek(nint ssl, byte* buffer, int length);

    [LibraryImport(Name, EntryPoint = "SSL_write")]
    public static partial int Write(nint ssl, byte* buffer, int length);

    [LibraryImport(Name, EntryPoint = "SSL_shutdown")]
    public static partial int Shutdown(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_set_shutdown")]
    public static partial void SetShutdown(nint ssl, int mode);

    /// <summary>True where bytes were received that no <see cref="Read"/> has given out: cheap, without a way back into managed code.</summary>
    [LibraryImport(Name, EntryPoint = "SSL_has_pending")]
    [SuppressGCTransition]
    public static partial int HasPending(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_get_error")]
    public static partial int GetError(nint ssl, int result);

    [LibraryImport(Name, EntryPoint = "SSL_set_SSL_CTX")]
    public static partial nint SetContext(nint ssl, nint context);

    [LibraryImport(Name, EntryPoint = "SSL_ctrl")]
    public static partial nint Control(nint ssl, int command, nint number, void* pointer);

    [LibraryImport(Name, EntryPoint = "SSL_get_servername")]
    public static partial byte* GetServerName(nint ssl, int type);

    [LibraryImport(Name, EntryPoint = "SSL_get0_alpn_selected")]
    public static partial void GetAlpnSelected(nint ssl, byte** data, uint* length);

    [LibraryImport(Name, EntryPoint = "SSL_get0_peer_certificate")]
    public static partial nint PeekPeerCertificate(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_get_certificate")]
    public static partial nint GetOwnCertificate(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_version")]
    public static partial int VersionNumber(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_get_version")]
    public static partial byte* GetVersion(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_get_current_cipher")]
    public static partial nint GetCurrentCipher(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_CIPHER_get_name")]
    public static partial byte* CipherName(nint cipher);

    [LibraryImport(Name, EntryPoint = "SSL_group_to_name")]
    public static partial byte* GroupName(nint ssl, int group);

    /// <summary>The signature algorithms that the client offers, by index; returns how many there are.</summary>
    [LibraryImport(Name, EntryPoint = "SSL_get_sigalgs")]
    public static partial int GetSignatureAlgorithms(nint ssl, int index, int* sign, int* hash, int* signAndHash, byte* rawSign, byte* rawHash);

    [LibraryImport(Name, EntryPoint = "SSL_session_reused")]
    public static partial int SessionReused(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_get1_peer_certificate")]
    public static partial nint GetPeerCertificate(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_get_peer_cert_chain")]
    public static partial nint GetPeerChain(nint ssl);

    [LibraryImport(Name, EntryPoint = "SSL_set_session")]
    public static partial int SetSession(nint ssl, nint session);

    [LibraryImport(Name, EntryPoint = "SSL_SESSION_free")]
    public static partial void SessionFree(nint session);
}
