using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>What became of a client's wish for an OCSP response (RFC 6066 section 8).</summary>
internal enum StapleOutcome : byte
{
    /// <summary>The client did not ask, or no certificate was presented, as where a session was resumed.</summary>
    NotAsked,

    /// <summary>It got one.</summary>
    Stapled,

    /// <summary>There is none that can be stapled, and the policy lets the handshake go on.</summary>
    Omitted,

    /// <summary>There is none that can be stapled, and the policy ends the handshake.</summary>
    Refused,
}

/// <summary>
/// The OCSP responses of a context's certificates, given out as Envoy's <c>ocsp_staple_policy</c> says. They are read once; whether one is still fresh is looked
/// at in each handshake that asks. A certificate that itself demands stapling (RFC 7633) is under <c>MUST_STAPLE</c> whatever the policy.
/// </summary>
internal sealed unsafe class OcspStaples(OcspStaplePolicy policy, TimeProvider time)
{
    private const string TlsFeature = "1.3.6.1.5.5.7.1.24";
    private const byte StatusRequest = 5;
    private const int StatusTypeOcsp = 1;

    /// <summary>By certificate, as the library holds it.</summary>
    private readonly Dictionary<nint, Staple> _byCertificate = [];

    /// <summary>True where a certificate must never be presented without a response: it has the feature <c>status_request</c>.</summary>
    public static bool IsDemandedBy(X509Certificate2 certificate) =>
        certificate.Extensions[TlsFeature] is { RawData: var features } && features.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x02, 0x01, StatusRequest]) >= 0;

    /// <summary>Takes the response of a certificate that a context of the library presents.</summary>
    /// <param name="certificate">The certificate, as the context holds it.</param>
    /// <param name="config">The same as configured.</param>
    /// <exception cref="TlsException">The response cannot be read.</exception>
    public void Add(nint certificate, CertificateConfig config)
    {
        using var leaf = X509Certificate2.CreateFromPem(config.Chain);
        var demand = IsDemandedBy(leaf) ? OcspStaplePolicy.MustStaple : policy;
        if (config.OcspStaple.Length == 0)
        {
            _byCertificate[certificate] = new Staple([], null, demand);
            return;
        }

        try
        {
            var der = Convert.FromBase64String(config.OcspStaple);
            _byCertificate[certificate] = new Staple(der, OcspResponse.Read(der), demand);
        }
        catch (FormatException error)
        {
            throw new TlsException($"the ocsp_staple of {config.Source} {error.Message}");
        }
    }

    /// <summary>True where some certificate may be without a response that its policy demands, now or later.</summary>
    public bool MayRefuse => _byCertificate.Values.Any(static staple => staple.Policy != OcspStaplePolicy.LenientStapling);

    /// <summary>True where a client that asks would not get this certificate.</summary>
    public bool Refuses(nint certificate) => OutcomeOf(_byCertificate[certificate]) == StapleOutcome.Refused;

    /// <summary>True where the client of a session asked for a response.</summary>
    public static bool IsAsked(nint ssl) => LibSsl.Control(ssl, LibSsl.ControlStatusRequestType, 0, null) == StatusTypeOcsp;

    /// <summary>Has a context of the library ask this.</summary>
    public static void Install(SslContextHandle context) =>
        _ = LibSsl.ContextCallbackControl(context.Value, LibSsl.ControlStatusCallback, (delegate* unmanaged[Cdecl]<nint, nint, int>)&OnStatusRequest);

    /// <summary>A client asked, and the certificate is chosen.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStatusRequest(nint ssl, nint argument)
    {
        var socket = TlsSocket.Of(ssl);
        socket.Staple = ((ServerTlsContext)socket.Context).Staples.Give(ssl);
        return socket.Staple switch
        {
            StapleOutcome.Stapled => LibSsl.ExtensionOk,
            StapleOutcome.Refused => LibSsl.ExtensionAlertFatal,
            _ => LibSsl.ExtensionNoAcknowledge,
        };
    }

    private StapleOutcome Give(nint ssl)
    {
        if (!_byCertificate.TryGetValue(LibSsl.GetOwnCertificate(ssl), out var staple))
        {
            return StapleOutcome.Omitted;
        }

        var outcome = OutcomeOf(staple);
        return outcome != StapleOutcome.Stapled || Set(ssl, staple.Der) ? outcome : StapleOutcome.Refused;
    }

    private StapleOutcome OutcomeOf(Staple staple) => staple.Response?.IsExpired(time.GetUtcNow()) == false ? StapleOutcome.Stapled : staple.Policy switch
    {
        OcspStaplePolicy.LenientStapling => StapleOutcome.Omitted,
        OcspStaplePolicy.StrictStapling when staple.Response is null => StapleOutcome.Omitted,
        _ => StapleOutcome.Refused,
    };

    /// <summary>The library frees what it is given, so that each handshake needs its own copy.</summary>
    private static bool Set(nint ssl, byte[] der)
    {
        var copy = LibCrypto.Allocate((nuint)der.Length, null, 0);
        if (copy == null)
        {
            return false;
        }

        der.CopyTo(new Span<byte>(copy, der.Length));
        return LibSsl.Control(ssl, LibSsl.ControlStatusResponse, der.Length, copy) == 1;
    }

    /// <summary>A response, and what there is to do without one.</summary>
    private sealed record Staple(byte[] Der, OcspResponse? Response, OcspStaplePolicy Policy);
}
