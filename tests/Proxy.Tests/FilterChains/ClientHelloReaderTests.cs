using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Tls.Inspection;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>What is read of the first message of a TLS client, and what is refused.</summary>
public sealed class ClientHelloReaderTests
{
    private const int Limit = 16 * 1024;

    /// <summary>A value that stands for nothing (RFC 8701).</summary>
    private const ushort Grease = 0x3A3A;

    private static (string Status, string Name, string Alpn) Read(byte[] bytes, int limit = Limit)
    {
        var copy = bytes.ToArray();
        var status = ClientHelloReader.Read(copy, limit, out var hello);
        return (status.ToString(), Encoding.Latin1.GetString(hello.ServerName), Encoding.Latin1.GetString(hello.ApplicationProtocols));
    }

    [Fact]
    public async Task Real_clients_are_read_and_nothing_is_said_of_them_before_their_last_byte()
    {
        byte[][] hellos =
        [
            await ClientHellos.OfOpenSslAsync("-servername", "One.Example", "-alpn", "h2,http/1.1"),
            await ClientHellos.OfOpenSslAsync("-servername", "one.example", "-alpn", "h2,http/1.1", "-tls1_2"),
            await ClientHellos.OfCurlAsync("one.example"),
        ];
        foreach (var hello in hellos)
        {
            for (var length = 1; length < hello.Length; length++)
            {
                Read(hello[..length]).Status.Should().Be("NeedMore");
            }

            Read(hello).Should().Be(("Found", "one.example", "\u0002h2\u0008http/1.1"));
            Read([.. hello, 1, 2, 3]).Status.Should().Be("Found", "what follows is not looked at");
        }
    }

    [Fact]
    public async Task A_client_may_ask_for_nothing() => Read(await ClientHellos.OfOpenSslAsync("-noservername")).Should().Be(("Found", "", ""));

    [Fact]
    public void Versions_are_told()
    {
        var hello = ClientHellos.Make(ClientHellos.Extension(43, [4, 0x3A, 0x3A, 3, 4]));
        ClientHelloReader.Read(hello, Limit, out var found).Should().Be(ClientHelloStatus.Found);
        found.SupportedVersions.ToArray().Should().Equal(0x3A, 0x3A, 3, 4);
        (found.LegacyVersion, found.Length).Should().Be(((ushort)0x0303, hello.Length));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(100)]
    public void A_message_may_come_in_many_records(int recordSize)
    {
        var hello = ClientHellos.Make([.. ClientHellos.Extension(Grease, []), .. ClientHellos.ServerName("a.b"), .. ClientHellos.Alpn("h2"), .. ClientHellos.Extension(0x4A4A, [0])], recordSize);
        for (var length = 1; length < hello.Length; length++)
        {
            Read(hello[..length]).Status.Should().Be("NeedMore");
        }

        Read(hello).Should().Be(("Found", "a.b", "\u0002h2"));
    }

    [Fact]
    public void A_message_of_sixteen_kilobytes_is_read_and_a_longer_one_refused_as_soon_as_it_shows()
    {
        var overhead = ClientHellos.Make(ClientHellos.Extension(21, [])).Length;
        Read(ClientHellos.Make(ClientHellos.Extension(21, new byte[Limit - overhead]))).Status.Should().Be("Found");
        var longer = ClientHellos.Make(ClientHellos.Extension(21, new byte[Limit - overhead + 1]), recordSize: 1000);
        Read(longer).Status.Should().Be("TooLarge");
        Read(longer[..20]).Status.Should().Be("TooLarge");
        Read(ClientHellos.Make(ClientHellos.ServerName("a"), recordSize: 1), limit: 100).Status.Should().Be("TooLarge");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("\u0016\u0002\u0001")]
    [InlineData("\u0015\u0003\u0001")]
    [InlineData("\u0016\u0003\u0001\u0000\u0000")]
    [InlineData("\u0016\u0003\u0001\u0040\u0001")]
    [InlineData("SSH-2.0-x\r\n")]
    public void What_is_no_TLS_is_told_at_once(string text) => Read(Encoding.Latin1.GetBytes(text)).Status.Should().Be("NotTls");

    [Theory]
    [InlineData("a\0b")]
    [InlineData("")]
    [InlineData(".a")]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("*.b")]
    [InlineData("b\u00fccher")]
    public void A_server_name_that_is_no_host_name_is_refused(string name) => Read(ClientHellos.Make(ClientHellos.ServerName(name))).Status.Should().Be("Malformed");

    [Fact]
    public void A_server_name_has_at_most_255_bytes()
    {
        Read(ClientHellos.Make(ClientHellos.ServerName(new string('a', 255)))).Status.Should().Be("Found");
        Read(ClientHellos.Make(ClientHellos.ServerName(new string('a', 256)))).Status.Should().Be("Malformed");
    }

    [Fact]
    public void Extensions_that_break_their_rules_are_refused()
    {
        byte[] name = ClientHellos.ServerName("a");
        byte[][] wrong =
        [
            [.. name, .. name],
            [.. ClientHellos.Alpn("a"), .. ClientHellos.Alpn("b")],
            ClientHellos.Alpn(),
            ClientHellos.Alpn(""),
            ClientHellos.Extension(0, []),
            ClientHellos.Extension(0, ClientHellos.Vector(2, [1, .. ClientHellos.Vector(2, [97])])),
            ClientHellos.Extension(43, [0]),
            ClientHellos.Extension(43, [1, 3]),
            [.. name, 0],
        ];
        foreach (var extensions in wrong)
        {
            Read(ClientHellos.Make(extensions)).Status.Should().Be("Malformed", Convert.ToHexString(extensions));
        }
    }

    [Fact]
    public async Task Whatever_a_byte_is_changed_to_the_verdict_stays_within_the_message()
    {
        var hello = await ClientHellos.OfOpenSslAsync("-servername", "one.example", "-alpn", "h2");
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var changed = hello.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            changed = changed[..random.Next(1, changed.Length + 1)];
            var status = ClientHelloReader.Read(changed, Limit, out var found);
            (found.ServerName.Length <= 255 && found.Length <= changed.Length).Should().BeTrue();
            (status == ClientHelloStatus.Found || found.ServerName.IsEmpty).Should().BeTrue();
        }
    }
}
