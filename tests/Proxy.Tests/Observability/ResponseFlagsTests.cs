using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability;

namespace KubeProxyNet.Proxy.Tests.Observability;

public sealed class ResponseFlagsTests
{
    [Theory]
    [InlineData(ResponseFlags.None, "-")]
    [InlineData(ResponseFlags.NoHealthyUpstream, "UH")]
    [InlineData(ResponseFlags.NoRouteFound, "NR")]
    [InlineData(ResponseFlags.NoClusterFound, "NC")]
    [InlineData(ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamRetryLimitExceeded, "UF,URX")]
    [InlineData(ResponseFlags.DownstreamConnectionTermination, "DC")]
    [InlineData(ResponseFlags.UpstreamMaxStreamDurationReached, "UMSDR")]
    [InlineData(ResponseFlags.UnconditionalDropOverload, "UDO")]
    public void Short_names_are_those_of_envoy(ResponseFlags flags, string expected) =>
        ResponseFlagNames.Format(flags).Should().Be(expected);

    [Fact]
    public void All_flags_at_once_fit_into_the_stated_room_in_either_form()
    {
        var buffer = new byte[ResponseFlagNames.MaxLength];
        ResponseFlagNames.TryFormat((ResponseFlags)ulong.MaxValue, buffer, out _).Should().BeTrue();
        ResponseFlagNames.TryFormat((ResponseFlags)ulong.MaxValue, buffer, out var written, longNames: true).Should().BeTrue();
        buffer.AsSpan(0, written).StartsWith("FailedLocalHealthCheck,NoHealthyUpstream,"u8).Should().BeTrue();
    }

    [Fact]
    public void Nothing_is_written_where_the_room_is_too_small()
    {
        ResponseFlagNames.TryFormat(ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamOverflow, new byte[4], out var written)
            .Should().BeFalse();
        written.Should().Be(0);
    }

    [Fact]
    public void Every_short_name_leads_back_to_its_flag()
    {
        foreach (var flag in Enum.GetValues<ResponseFlags>().Where(flag => flag != ResponseFlags.None))
        {
            ResponseFlagNames.TryParse(ResponseFlagNames.Format(flag), out var parsed).Should().BeTrue();
            parsed.Should().Be(flag);
        }
    }
}
