using System.Collections.Immutable;
using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class DnsFindingTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("10.0.0.1 10.0.0.2 ::1 ::2", "10.0.0.1 ::1 10.0.0.2 ::2")]
    [InlineData("::1 ::2 ::3 10.0.0.1", "::1 10.0.0.1 ::2 ::3")]
    public void Families_take_turns_beginning_with_the_first(string addresses, string expected)
    {
        ImmutableArray<IPAddress> found = [.. addresses.Split(' ').Select(IPAddress.Parse)];
        string.Join(' ', DnsFinding.FamiliesInTurn(found)).Should().Be(expected);
    }
}
