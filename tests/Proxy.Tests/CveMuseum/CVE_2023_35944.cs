using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy let schemes in mixed case pass by HTTP/2, which some of its checks took for another scheme than the backend did.</summary>
public sealed class CVE_2023_35944
{
    [Theory]
    [InlineData("HTTP")]
    [InlineData("hTTp")]
    [InlineData("HTTPS")]
    [InlineData("Https")]
    public async Task A_scheme_in_another_case_goes_nowhere(string scheme)
    {
        await using var front = await Http2Front.StartAsync();

        await front.MustBeMalformedAsync(await front.Client.OpenAsync(Http2Fields.Get().With(":scheme", scheme)));

        front.Backend.Requests.Should().ContainSingle();
    }
}
