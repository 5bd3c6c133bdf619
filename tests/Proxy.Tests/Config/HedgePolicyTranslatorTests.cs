using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3.HedgePolicy;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class HedgePolicyTranslatorTests
{
    [Theory]
    [InlineData("{}", false)]
    [InlineData("{hedge_on_per_try_timeout: true}", true)]
    [InlineData("{hedge_on_per_try_timeout: true, initial_requests: 1, additional_request_chance: {numerator: 0, denominator: HUNDRED}}", true)]
    public void It_says_whether_a_slow_attempt_goes_on(string yaml, bool expected)
    {
        var problems = new TranslationProblems();
        HedgePolicyTranslator.Translate(FromYaml.Message<Proto>(yaml), problems, ConfigPath.Root.Field("hedge_policy")).Should().Be(expected);
        problems.Found.Should().BeEmpty();
    }

    [Theory]
    [InlineData("{initial_requests: 2}", "hedge_policy.initial_requests: 2 is not supported")]
    [InlineData("{additional_request_chance: {numerator: 5}}", "hedge_policy.additional_request_chance: more than 0 is not supported")]
    public void What_envoy_does_not_do_either_is_refused_by_field(string yaml, string problem)
    {
        var problems = new TranslationProblems();
        HedgePolicyTranslator.Translate(FromYaml.Message<Proto>(yaml), problems, ConfigPath.Root.Field("hedge_policy"));
        problems.Found.Select(static found => found.ToString()).Should().ContainSingle().Which.Should().StartWith(problem);
    }
}
