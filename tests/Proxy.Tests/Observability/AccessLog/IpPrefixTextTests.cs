using System.Net;
using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

public sealed class IpPrefixTextTests
{
    [Theory]
    [InlineData("10.1.10.23", 16, "10.1.0.0/16")]
    [InlineData("10.1.10.23", 32, "10.1.10.23/32")]
    [InlineData("255.255.255.255", 0, "0.0.0.0/0")]
    [InlineData("2001:db8:1234:5678:9abc:def0:1234:5678", 64, "2001:db8:1234:5678::/64")]
    [InlineData("2001:db8::1:0:0:1", 128, "2001:db8::1:0:0:1/128")]
    [InlineData("fe80::1%3", 10, "fe80::/10")]
    [InlineData("::1", 0, "::/0")]
    [InlineData("1:0:2:0:3:0:4:0", 128, "1:0:2:0:3:0:4:0/128")]
    [InlineData("64:ff9b::10.1.2.3", 120, "64:ff9b::a01:200/120")]
    public void An_address_is_cut_to_its_first_bits(string address, int length, string expected) => Format(address, length).Should().Be(expected);

    [Theory]
    [InlineData("10.1.10.23", 33)]
    [InlineData("10.1.10", 8)]
    [InlineData("10.1.10.256", 8)]
    [InlineData("10.1.10.1x", 8)]
    [InlineData("1:2:3", 8)]
    [InlineData("1::2::3", 8)]
    [InlineData("1:2:3:4:5:6:7:8:9", 8)]
    [InlineData("12345::", 8)]
    [InlineData("a.host", 8)]
    [InlineData("", 8)]
    public void What_is_no_address_of_so_many_bits_gives_nothing(string address, int length) => Format(address, length).Should().BeNull();

    [Fact]
    public void Any_address_is_cut_as_by_arithmetic() =>
        Gen.Select(Gen.OneOf(Gen.Byte.Array[4], Gen.Byte.Array[16], Gen.Byte[0, 1].Array[16]), Gen.Int[0, 128]).Sample((bytes, length) =>
        {
            length = Math.Min(length, bytes.Length * 8);
            var masked = bytes.Select((value, index) => (byte)(value & (0xFF00 >> Math.Clamp(length - (8 * index), 0, 8)))).ToArray();
            var formatted = Format(new IPAddress(bytes).ToString(), length)!;
            formatted.Should().EndWith($"/{length}");
            IPAddress.Parse(formatted[..formatted.IndexOf('/', StringComparison.Ordinal)]).Should().Be(new IPAddress(masked));
        });

    private static string? Format(string address, int length)
    {
        var buffer = new byte[IpPrefixText.MaxLength];
        return IpPrefixText.TryFormat(Encoding.ASCII.GetBytes(address), length, buffer, out var written) ? Encoding.ASCII.GetString(buffer, 0, written) : null;
    }
}
