using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Tests.Routing;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>What is taken off Host before it is matched.</summary>
public sealed class HostNormalizerTests
{
    private static string Run(string host, StripPortMode port, bool dot = false, bool isConnect = false)
    {
        var head = RequestHeads.Create("GET", "/", host);
        head.IsConnect = isConnect;
        new HostNormalizer(port, dot).Normalize(head, localPort: 8080);
        head.TryGet("host"u8, out var seen).Should().BeTrue();
        Encoding.ASCII.GetString(seen).Should().Be(Encoding.ASCII.GetString(head.Authority), "who looks for host finds what is forwarded");
        return Encoding.ASCII.GetString(head.Authority);
    }

    [Theory]
    [InlineData("a.com", "a.com", "a.com")]
    [InlineData("a.com:8080", "a.com", "a.com")]
    [InlineData("a.com:80", "a.com:80", "a.com")]
    [InlineData("[::1]:8080", "[::1]", "[::1]")]
    [InlineData("[::1]", "[::1]", "[::1]")]
    [InlineData("a.com:", "a.com:", "a.com:")]
    [InlineData("a.com:x", "a.com:x", "a.com:x")]
    [InlineData(":8080", ":8080", ":8080")]
    public void A_port_is_taken_off_where_it_is_the_listeners_or_always(string host, string matching, string any)
    {
        Run(host, StripPortMode.None).Should().Be(host);
        Run(host, StripPortMode.Matching).Should().Be(matching);
        Run(host, StripPortMode.Any).Should().Be(any);
        Run(host, StripPortMode.Any, isConnect: true).Should().Be(host);
    }

    [Theory]
    [InlineData("a.com.", "a.com")]
    [InlineData("a.com.:80", "a.com:80")]
    [InlineData("a.com..", "a.com.")]
    [InlineData("a.com", "a.com")]
    [InlineData(".", ".")]
    [InlineData(".:80", ".:80")]
    [InlineData("[::1.2.3.4]:80", "[::1.2.3.4]:80")]
    public void A_trailing_dot_is_taken_off(string host, string expected) => Run(host, StripPortMode.None, dot: true).Should().Be(expected);

    [Fact]
    public void Dot_and_port_go_together() => Run("a.com.:8080", StripPortMode.Matching, dot: true).Should().Be("a.com");
}
