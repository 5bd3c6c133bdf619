using System.Net;
using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>Addresses as text and as values, held against the framework's.</summary>
public sealed class IpAddressTests
{
    private static readonly string[] AddressPieces = ["1", "0", "ff", "255", ":", "::", ".", "2001"];

    private static string? Text(string text) => IpAddress.TryParse(Encoding.ASCII.GetBytes(text), out var address) ? Text(address) : null;

    private static string Text(IpAddress address)
    {
        var bytes = new byte[IpAddress.MaxTextLength];
        return Encoding.ASCII.GetString(bytes, 0, address.Write(bytes));
    }

    [Theory]
    [InlineData("1.2.3.4", "1.2.3.4")]
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("::", "::")]
    [InlineData("::1", "::1")]
    [InlineData("1::", "1::")]
    [InlineData("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1")]
    [InlineData("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1")]
    [InlineData("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0")]
    [InlineData("0:0:0:0:0:0:0:0", "::")]
    [InlineData("::ffff:1.2.3.4", "1.2.3.4")]
    [InlineData("64:ff9b::1.2.3.4", "64:ff9b::102:304")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void An_address_is_read_and_written_in_its_usual_form(string text, string expected) => Text(text).Should().Be(expected);

    [Theory]
    [InlineData("")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1.2.3.256")]
    [InlineData("01.2.3.4")]
    [InlineData("+1.2.3.4")]
    [InlineData("1.2.3.-4")]
    [InlineData("1.2.3.4 ")]
    [InlineData("1.2.3.4:80")]
    [InlineData("127.1")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("fe80::1%eth0")]
    [InlineData(":")]
    [InlineData(":::")]
    [InlineData("1:")]
    [InlineData(":1")]
    [InlineData("1::2::3")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("1:2:3:4:5:6:7:8::")]
    [InlineData("12345::")]
    [InlineData("::1.2.3.4:5")]
    [InlineData("1:2:3:4:5:6:7:1.2.3.4")]
    [InlineData("::g")]
    [InlineData("example.com")]
    public void What_is_no_address_is_refused(string text) => Text(text).Should().BeNull();

    [Fact]
    public void Every_address_survives_as_the_framework_writes_it() =>
        Gen.Select(Gen.Byte.Array[16], Gen.Int[0, 0xFF], Gen.Bool).Sample(static (bytes, mask, isV4) =>
        {
            // Whole groups of zeros, which are written in a special way, are made frequent.
            for (var group = 0; group < 8; group++)
            {
                if ((mask & (1 << group)) != 0)
                {
                    bytes[2 * group] = bytes[(2 * group) + 1] = 0;
                }
            }

            var address = isV4 ? new IPAddress(bytes.AsSpan(0, 4)) : new IPAddress(bytes);
            var parsed = IpAddress.TryParse(Encoding.ASCII.GetBytes(address.ToString()), out var value);
            return parsed && value == IpAddress.From(address) && IPAddress.Parse(Text(value)).Equals(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
        }, iter: 20_000);

    [Fact]
    public void Only_what_the_framework_reads_is_an_address() =>
        Gen.Int[0, 7].Select(static i => AddressPieces[i]).Array[1, 12].Sample(static pieces =>
        {
            var text = string.Concat(pieces);
            return Text(text) is null || IPAddress.TryParse(text, out _);
        }, iter: 50_000);

    [Theory]
    [InlineData("10.0.0.0", 8, "10.255.0.1", true)]
    [InlineData("10.0.0.0", 8, "11.0.0.0", false)]
    [InlineData("10.9.9.9", 8, "10.1.1.1", true)]
    [InlineData("192.0.2.7", 32, "192.0.2.7", true)]
    [InlineData("192.0.2.7", 32, "192.0.2.6", false)]
    [InlineData("0.0.0.0", 0, "255.0.0.1", true)]
    [InlineData("0.0.0.0", 0, "::1", false)]
    [InlineData("::", 0, "::1", true)]
    [InlineData("::", 0, "1.2.3.4", false)]
    [InlineData("fc00::", 7, "fdff::1", true)]
    [InlineData("fc00::", 7, "fe00::1", false)]
    [InlineData("::ffff:10.0.0.0", 104, "10.1.2.3", true)]
    public void A_range_has_the_addresses_of_its_prefix(string prefix, int length, string address, bool expected) =>
        new CidrRange(IPAddress.Parse(prefix), length).Contains(IpAddress.From(IPAddress.Parse(address))).Should().Be(expected);
}
