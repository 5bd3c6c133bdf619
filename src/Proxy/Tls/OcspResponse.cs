using System.Formats.Asn1;
using System.Numerics;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>
/// An OCSP response to be stapled (RFC 6960 section 4.2.1): what it says of whom and until when. Its signature is the client's affair, as in Envoy: we only
/// pass it on.
/// </summary>
/// <param name="SerialNumber">The serial number of the certificate that it is about.</param>
/// <param name="NextUpdate">From when on newer information is out; null where it does not say, and then it is never fresh enough to be stapled.</param>
internal sealed record OcspResponse(BigInteger SerialNumber, DateTimeOffset? NextUpdate)
{
    private const string BasicResponse = "1.3.6.1.5.5.7.48.1.1";

    private static readonly Asn1Tag First = new(TagClass.ContextSpecific, 0, isConstructed: true);

    /// <summary>True where it can be stapled no longer.</summary>
    public bool IsExpired(DateTimeOffset now) => NextUpdate is not { } end || end < now;

    /// <summary>Reads a response.</summary>
    /// <param name="der">The response in DER.</param>
    /// <exception cref="FormatException">It cannot be stapled; says why.</exception>
    public static OcspResponse Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            var response = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            if (response.ReadEnumeratedBytes().Span is not [0] || !response.HasData)
            {
                throw new FormatException("is an OCSP response that says that there was an error");
            }

            var bytes = response.ReadSequence(First).ReadSequence();
            return bytes.ReadObjectIdentifier() == BasicResponse
                ? ReadBasic(new AsnReader(bytes.ReadOctetString(), AsnEncodingRules.DER).ReadSequence().ReadSequence())
                : throw new FormatException("is no basic OCSP response (RFC 6960 section 4.2.1)");
        }
        catch (AsnContentException error)
        {
            throw new FormatException("is no OCSP response (RFC 6960) in DER", error);
        }
    }

    private static OcspResponse ReadBasic(AsnReader data)
    {
        SkipIf(data, First);

        // By name or by key: who answers.
        _ = data.ReadEncodedValue();
        _ = data.ReadGeneralizedTime();
        var answers = data.ReadSequence();
        var answer = answers.ReadSequence();
        if (answers.HasData)
        {
            throw new FormatException("is an OCSP response about several certificates");
        }

        var identity = answer.ReadSequence();
        _ = identity.ReadSequence();
        _ = identity.ReadOctetString();
        _ = identity.ReadOctetString();
        var serial = identity.ReadInteger();

        // Good, revoked or unknown: the client will see.
        _ = answer.ReadEncodedValue();
        _ = answer.ReadGeneralizedTime();
        return new OcspResponse(serial, answer.HasData && answer.PeekTag().HasSameClassAndValue(First) ? answer.ReadSequence(First).ReadGeneralizedTime() : null);
    }

    private static void SkipIf(AsnReader reader, Asn1Tag tag)
    {
        if (reader.PeekTag().HasSameClassAndValue(tag))
        {
            _ = reader.ReadEncodedValue();
        }
    }
}
