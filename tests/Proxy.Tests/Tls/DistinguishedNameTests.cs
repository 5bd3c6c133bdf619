using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Tls.Peers;

namespace KubeProxyNet.Proxy.Tests.Tls;

/// <summary>Subjects and issuers as RFC 2253 writes them.</summary>
public sealed class DistinguishedNameTests
{
    [Theory]
    [InlineData("CN=web, O=Shop, C=DE", "CN=web,O=Shop,C=DE")]
    [InlineData("CN=\"a, b\"", "CN=a\\, b")]
    [InlineData("CN=#1", "CN=\\#1")]
    public void A_name_is_written_its_last_part_first(string name, string text) => DistinguishedName.Text(new X500DistinguishedName(name)).Should().Be(text);

    [Fact]
    public void A_text_with_letters_that_its_type_does_not_have_is_shown_as_its_bytes()
    {
        // OpenSSL takes such a name from any peer: a PrintableString has no @.
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier("2.5.4.3");
            writer.WriteEncodedValue([0x13, 0x03, (byte)'a', (byte)'@', (byte)'b']);
        }

        DistinguishedName.Text(new X500DistinguishedName(writer.Encode())).Should().MatchRegex("^(#[0-9A-F]+|CN=a@b)$");
    }
}
