using System.Formats.Asn1;
using System.Net;
using System.Text;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>A subject alternative name of a certificate (RFC 5280 section 4.2.1.6).</summary>
/// <param name="Type">Its kind.</param>
/// <param name="Text">The name; an IP address in its usual notation.</param>
/// <param name="Oid">The object identifier of an other name; empty for the other kinds.</param>
internal sealed record SubjectAltName(SanType Type, string Text, string Oid = "")
{
    private static readonly Asn1Tag OtherNameTag = new(TagClass.ContextSpecific, 0, isConstructed: true);
    private static readonly Asn1Tag EmailTag = new(TagClass.ContextSpecific, 1);
    private static readonly Asn1Tag DnsTag = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag UriTag = new(TagClass.ContextSpecific, 6);
    private static readonly Asn1Tag IpTag = new(TagClass.ContextSpecific, 7);

    /// <summary>Reads the extension's value. A name with a NUL or a byte that is no ASCII is left out: it could be taken for another one. So are kinds that cannot be matched.</summary>
    /// <exception cref="AsnContentException">It is not well-formed.</exception>
    public static IReadOnlyList<SubjectAltName> Read(ReadOnlyMemory<byte> extension)
    {
        var names = new List<SubjectAltName>();
        var sequence = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
        while (sequence.HasData)
        {
            var tag = sequence.PeekTag();
            if (tag.HasSameClassAndValue(OtherNameTag))
            {
                if (ReadOtherName(sequence.ReadSequence(OtherNameTag)) is { } other)
                {
                    names.Add(other);
                }
            }
            else if (tag == EmailTag)
            {
                Add(SanType.Email, sequence.ReadOctetString(EmailTag));
            }
            else if (tag == DnsTag)
            {
                Add(SanType.Dns, sequence.ReadOctetString(DnsTag));
            }
            else if (tag == UriTag)
            {
                Add(SanType.Uri, sequence.ReadOctetString(UriTag));
            }
            else if (tag == IpTag)
            {
                var address = sequence.ReadOctetString(IpTag);
                if (address.Length is 4 or 16)
                {
                    names.Add(new SubjectAltName(SanType.IpAddress, new IPAddress(address).ToString()));
                }
            }
            else
            {
                sequence.ReadEncodedValue();
            }
        }

        return names;

        void Add(SanType type, byte[] name)
        {
            if (name.AsSpan().IndexOfAnyExceptInRange((byte)0x20, (byte)0x7E) < 0)
            {
                names.Add(new SubjectAltName(type, Encoding.ASCII.GetString(name)));
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Type switch
    {
        SanType.Dns => $"DNS:{Text}",
        SanType.Uri => $"URI:{Text}",
        SanType.IpAddress => $"IP:{Text}",
        SanType.Email => $"email:{Text}",
        _ => $"other:{Oid}:{Text}",
    };

    private static SubjectAltName? ReadOtherName(AsnReader other)
    {
        var oid = other.ReadObjectIdentifier();
        var value = other.ReadSequence(OtherNameTag);
        var tag = value.PeekTag();
        if (tag.TagClass != TagClass.Universal || (UniversalTagNumber)tag.TagValue is not (
            UniversalTagNumber.UTF8String or UniversalTagNumber.IA5String or UniversalTagNumber.PrintableString or UniversalTagNumber.VisibleString))
        {
            return null;
        }

        var text = value.ReadCharacterString((UniversalTagNumber)tag.TagValue);
        return text.Contains('\0', StringComparison.Ordinal) ? null : new SubjectAltName(SanType.OtherName, text, oid);
    }
}
