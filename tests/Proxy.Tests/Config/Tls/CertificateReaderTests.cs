using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AwesomeAssertions;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Tests.Config.Tls;

public sealed class CertificateReaderTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SampleCertificate Sample = SampleCertificate.Elliptic();

    [Fact]
    public void A_chain_and_its_key_are_read()
    {
        var read = Read(Sample.Message);
        read.Chain.Trim().Should().Be(Sample.Chain);
        read.Key.Should().Contain("BEGIN PRIVATE KEY");
        read.ToString().Should().Be("secret \"web\"", "neither chain nor key may end up in a log");
        Read(SampleCertificate.Rsa().Message).Key.Should().Contain("BEGIN PRIVATE KEY");
    }

    [Fact]
    public void An_encrypted_key_is_decrypted()
    {
        var encrypted = Sample.Key.ExportEncryptedPkcs8PrivateKeyPem("pa55", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        var message = Sample.Message;
        message.PrivateKey = new() { InlineString = encrypted };
        Faults(message).Should().Equal("c.password: the private key is encrypted and there is no password; add the password, or a key without encryption");

        message.Password = new() { InlineString = "wrong" };
        Faults(message).Single().Should().StartWith("c.private_key: cannot be decrypted with the password").And.NotContain("wrong");

        message.Password = new() { InlineString = "pa55" };
        Read(message).Key.Should().Contain("BEGIN PRIVATE KEY");
    }

    [Fact]
    public void A_pkcs12_file_is_taken_apart()
    {
        var message = new TlsCertificate { Pkcs12 = new() { InlineBytes = ByteString.CopyFrom(Sample.Certificate.Export(X509ContentType.Pkcs12, "pa55")) }, Password = new() { InlineString = "pa55" } };
        Read(message).Chain.Trim().Should().Be(Sample.Chain);

        message.Password.InlineString = "no";
        Faults(message).Single().Should().StartWith("c.pkcs12: cannot be read");
        message.PrivateKey = new() { InlineString = Sample.KeyPem };
        Faults(message).Single().Should().StartWith("c.pkcs12: excludes certificate_chain and private_key");
    }

    [Fact]
    public void A_key_of_another_certificate_is_refused()
    {
        var message = Sample.Message;
        message.PrivateKey = SampleCertificate.Elliptic().Message.PrivateKey;
        Faults(message).Should().Equal("c.private_key: is not the key of the certificate of CN=a.example; give it the key that the certificate was made with");
        message.PrivateKey = SampleCertificate.Rsa().Message.PrivateKey;
        Faults(message).Single().Should().Contain("is not the key of the certificate");
    }

    [Fact]
    public void Half_a_certificate_is_refused()
    {
        Faults(new TlsCertificate { CertificateChain = Sample.Message.CertificateChain }).Single().Should().Contain("\"private_key\" is missing");
        Faults(new TlsCertificate { PrivateKey = Sample.Message.PrivateKey }).Single().Should().Contain("\"certificate_chain\" is missing");
    }

    [Theory]
    [InlineData("", "holds no certificate in PEM")]
    [InlineData("hello", "holds no certificate in PEM")]
    [InlineData("CUT", "begins 2 certificates in PEM, of which 1 can be read")]
    public void A_chain_is_read_whole_or_not_at_all(string chain, string fault)
    {
        var message = Sample.Message;
        message.CertificateChain.InlineString = chain == "CUT" ? Sample.Chain + "\n" + Sample.Chain[..100] : chain;
        Faults(message).Single().Should().StartWith($"c.certificate_chain: {fault}");
    }

    [Fact]
    public void A_certificate_is_used_in_its_time_only()
    {
        Faults(SampleCertificate.Elliptic(until: Now.AddSeconds(-1)).Message).Should().Equal("c.certificate_chain: the certificate of CN=a.example expired at 2029-12-31T23:59:59Z; renew it");
        Faults(SampleCertificate.Elliptic(from: Now.AddSeconds(1)).Message).Single().Should().Contain("is valid from 2030-01-01T00:00:01Z only");
    }

    [Fact]
    public void A_weak_key_is_refused()
    {
        Faults(SampleCertificate.Rsa(1024).Message).Single().Should().Contain("its RSA key has 1024 bits, only those of 2048 or more are supported");
        Faults(SampleCertificate.Elliptic(curve: ECCurve.CreateFromFriendlyName("secp256k1")).Message).Single().Should().Contain("is of a kind that is not supported");
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var message = Sample.Message;
        message.CertificateChain = new() { Filename = "/no/such.pem" };
        Faults(message).Single().Should().StartWith("c.certificate_chain.filename: \"/no/such.pem\" cannot be read");
    }

    [Fact]
    public void An_ocsp_response_is_looked_at()
    {
        var message = Sample.Message;
        message.OcspStaple = new() { InlineString = "x" };
        Faults(message).Single().Should().StartWith("c.ocsp_staple.inline_string: an OCSP response is no text");
        message.OcspStaple = new() { InlineBytes = ByteString.CopyFrom(1, 2, 3) };
        Faults(message).Single().Should().StartWith("c.ocsp_staple: is no OCSP response");
        message.OcspStaple = new() { InlineBytes = ByteString.CopyFrom(0x30, 0x03, 0x0A, 0x01, 0x06) };
        Faults(message).Single().Should().StartWith("c.ocsp_staple: is an OCSP response that says that there was an error");
    }

    private static CertificateConfig Read(TlsCertificate message)
    {
        var problems = new TranslationProblems();
        var read = CertificateReader.Read(message, "secret \"web\"", Now, problems, ConfigPath.Root.Field("c"));
        problems.Found.Should().BeEmpty();
        return read!;
    }

    private static string[] Faults(TlsCertificate message)
    {
        var problems = new TranslationProblems();
        CertificateReader.Read(message, "secret \"web\"", Now, problems, ConfigPath.Root.Field("c")).Should().BeNull();
        return [.. problems.Found.Select(static problem => problem.ToString())];
    }
}
