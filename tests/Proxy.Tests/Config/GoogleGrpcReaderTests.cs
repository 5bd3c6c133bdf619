using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>gRPC's names of services (gRPC, "Name resolution").</summary>
public sealed class GoogleGrpcReaderTests
{
    [Theory]
    [InlineData("cp.example:18000", "cp.example:18000")]
    [InlineData("cp.example", "cp.example:443")]
    [InlineData("cp.example:443", "cp.example:443")]
    [InlineData("dns:cp.example:18000", "cp.example:18000")]
    [InlineData("dns:///cp.example:18000", "cp.example:18000")]
    [InlineData("dns:///[::1]:18000", "[::1]:18000")]
    [InlineData("ipv4:10.0.0.1:1,10.0.0.2", "10.0.0.1:1 10.0.0.2:443")]
    [InlineData("ipv6:[fd00::1]:1", "[fd00::1]:1")]
    [InlineData("unix:run/a.sock", "unix:run/a.sock")]
    [InlineData("unix:///run/a.sock", "unix:/run/a.sock")]
    [InlineData("unix-abstract:a", "unix:@a")]
    public void Names_are_read(string target, string addresses) => string.Join(' ', GoogleGrpcReader.AddressesOf(target)!).Should().Be(addresses);

    [Theory]
    [InlineData("")]
    [InlineData("dns://8.8.8.8/cp.example:18000")]
    [InlineData("xds:///cp.example")]
    [InlineData("ipv4:cp.example:1")]
    [InlineData("ipv4:10.0.0.1:1,")]
    [InlineData("ipv6:10.0.0.1:1")]
    [InlineData("unix:")]
    [InlineData("unix-abstract:")]
    [InlineData("https://cp.example")]
    [InlineData("user@cp.example:1")]
    public void What_is_no_address_is_refused(string target) => GoogleGrpcReader.AddressesOf(target).Should().BeNull();
}
