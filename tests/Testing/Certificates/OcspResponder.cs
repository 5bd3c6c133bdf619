using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.Testing.Certificates;

/// <summary>Makes OCSP responses (RFC 6960 section 4.2), signed by the authority itself.</summary>
internal static class OcspResponder
{
    private const string Sha1 = "1.3.14.3.2.26", EcdsaWithSha256 = "1.2.840.10045.4.3.2", BasicResponse = "1.3.6.1.5.5.7.48.1.1";

    private static readonly Asn1Tag Tag0 = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag Tag2 = new(TagClass.ContextSpecific, 2);

    public static byte[] Good(X509Certificate2 authority, byte[] serial, DateTimeOffset? nextUpdate)
    {
        var data = ResponseData(authority, serial, nextUpdate);
        using var key = authority.GetECDsaPrivateKey()!;
        var basic = new AsnWriter(AsnEncodingRules.DER);
        using (basic.PushSequence())
        {
            basic.WriteEncodedValue(data);
            using (basic.PushSequence())
            {
                basic.WriteObjectIdentifier(EcdsaWithSha256);
            }

            basic.WriteBitString(key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }

        var response = new AsnWriter(AsnEncodingRules.DER);
        using (response.PushSequence())
        {
            response.WriteEncodedValue([0x0A, 0x01, 0x00]);
            using (response.PushSequence(Tag0))
            using (response.PushSequence())
            {
                response.WriteObjectIdentifier(BasicResponse);
                response.WriteOctetString(basic.Encode());
            }
        }

        return response.Encode();
    }

    private static byte[] ResponseData(X509Certificate2 authority, byte[] serial, DateTimeOffset? nextUpdate)
    {
        // Issuers are identified by this hash; it protects nothing.
        var nameHash = CryptographicOperations.HashData(HashAlgorithmName.SHA1, authority.SubjectName.RawData);
        var keyHash = CryptographicOperations.HashData(HashAlgorithmName.SHA1, authority.PublicKey.EncodedKeyValue.RawData);
        var thisUpdate = (nextUpdate ?? DateTimeOffset.UtcNow).AddDays(-30);
        var data = new AsnWriter(AsnEncodingRules.DER);
        using (data.PushSequence())
        {
            using (data.PushSequence(Tag2))
            {
                data.WriteOctetString(keyHash);
            }

            data.WriteGeneralizedTime(thisUpdate, omitFractionalSeconds: true);
            using (data.PushSequence())
            using (data.PushSequence())
            {
                using (data.PushSequence())
                {
                    using (data.PushSequence())
                    {
                        data.WriteObjectIdentifier(Sha1);
                        data.WriteNull();
                    }

                    data.WriteOctetString(nameHash);
                    data.WriteOctetString(keyHash);
                    data.WriteInteger(new BigInteger(serial, isUnsigned: false, isBigEndian: true));
                }

                data.WriteNull(Tag0);
                data.WriteGeneralizedTime(thisUpdate, omitFractionalSeconds: true);
                if (nextUpdate is { } end)
                {
                    using (data.PushSequence(Tag0))
                    {
                        data.WriteGeneralizedTime(end, omitFractionalSeconds: true);
                    }
                }
            }
        }

        return data.Encode();
    }
}
