using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3.RetryPolicy;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class RetryPolicyTranslatorTests
{
    private const string PreviousHosts = "{name: envoy.retry_host_predicates.previous_hosts, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}";

    [Fact]
    public void A_policy_without_settings_has_envoys_defaults()
    {
        var policy = Translate("{retry_on: 5xx}", out var problems);
        problems.Should().BeEmpty();
        policy.Should().BeEquivalentTo(new RetryPolicy
        {
            RetryOn = RetryOn.ServerError,
            NumRetries = 1,
            HostSelectionAttempts = 1,
        });
    }

    [Fact]
    public void Settings_arrive()
    {
        var policy = Translate(
            "{retry_on: 'reset,retriable-status-codes', num_retries: 0, per_try_timeout: 1.5s, per_try_idle_timeout: 2s, retriable_status_codes: [418, 503], "
            + "retry_back_off: {base_interval: 0.0001s, max_interval: 1s}, rate_limited_retry_back_off: {reset_headers: [{name: Retry-After}, {name: x, format: UNIX_TIMESTAMP}], max_interval: 60s}, "
            + $"retry_host_predicate: [{PreviousHosts}], host_selection_retry_max_attempts: 7}}",
            out var problems);
        problems.Should().BeEmpty();
        policy!.NumRetries.Should().Be(0);
        (policy.PerTryTimeout, policy.PerTryIdleTimeout).Should().Be((TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(2)));
        policy.RetriableStatusCodes.Should().Equal(418, 503);
        (policy.BackOffBase, policy.BackOffMax).Should().Be(((TimeSpan?)TimeSpan.FromMilliseconds(1), (TimeSpan?)TimeSpan.FromSeconds(1)));
        policy.RateLimited!.ResetHeaders.Select(static header => (header.Name, header.IsTimestamp)).Should().Equal(("Retry-After", false), ("x", true));
        policy.RateLimited.MaxInterval.Should().Be(TimeSpan.FromMinutes(1));
        (policy.AvoidsPreviousHosts, policy.HostSelectionAttempts).Should().Be((true, 7));
    }

    [Fact]
    public void What_says_where_a_retry_goes_arrives()
    {
        const string Canaries = "{name: envoy.retry_host_predicates.omit_canary_hosts, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate}}";
        const string Labelled = "{name: envoy.retry_host_predicates.omit_host_metadata, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig, metadata_match: {filter_metadata: {envoy.lb: {stage: 'old', shard: 3}, other: {a: b}}}}}";
        const string NoLabels = "{name: envoy.retry_host_predicates.omit_host_metadata, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig}}";
        const string Priorities = "{name: envoy.retry_priorities.previous_priorities, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig, update_frequency: 2}}";
        var policy = Translate($"{{retry_on: 5xx, retry_host_predicate: [{Canaries}, {Labelled}, {NoLabels}], retry_priority: {Priorities}}}", out var problems)!;
        problems.Should().BeEmpty();
        policy.OmitsCanaries.Should().BeTrue();
        policy.AvoidsPreviousHosts.Should().BeFalse();
        policy.OmittedHosts.Should().ContainSingle().Which.Should().BeEquivalentTo([new MetadataLabel("stage", "\"old\""), new MetadataLabel("shard", "3")]);
        policy.PriorityUpdateFrequency.Should().Be(2);
    }

    [Fact]
    public void Header_matchers_arrive()
    {
        var policy = Translate("{retry_on: retriable-headers, retriable_headers: [{name: X-A, present_match: true}], retriable_request_headers: [{name: x-b, string_match: {exact: c}, invert_match: true}]}", out var problems)!;
        problems.Should().BeEmpty();
        policy.RetriableHeaders.Should().Equal(new HeaderMatcher { Name = "X-A" });
        policy.RetriableRequestHeaders.Should().Equal(new HeaderMatcher { Name = "x-b", Match = new HeaderString(StringMatcher.Exact("c")), Invert = true });
    }

    [Theory]
    [InlineData("{retry_back_off: {max_interval: 1s}}", "retry_back_off.base_interval: is missing; write a duration such as 25ms")]
    [InlineData("{retry_back_off: {base_interval: 2s, max_interval: 1s}}", "retry_back_off.max_interval: is shorter than base_interval; write a longer one")]
    [InlineData("{rate_limited_retry_back_off: {}}", "rate_limited_retry_back_off.reset_headers: is empty; name a response header such as retry-after")]
    [InlineData("{retry_host_predicate: [{name: mine}]}", "retry_host_predicate[0]: \"mine\" is not supported; use a typed_config of PreviousHostsPredicate, OmitCanaryHostsPredicate or OmitHostMetadataConfig (envoy.extensions.retry.host)")]
    [InlineData("{retry_priority: {name: mine}}", "retry_priority: \"mine\" is not supported; use a typed_config of envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig")]
    [InlineData("{retry_priority: {name: p, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig}}}", "retry_priority.typed_config.update_frequency: 0 is less than 1; write the number of attempts after which priorities change")]
    public void What_cannot_be_done_is_refused_by_field(string yaml, string expected)
    {
        Translate(yaml, out var problems);
        problems.Should().Equal(expected);
    }

    private static RetryPolicy? Translate(string yaml, out IEnumerable<string> found)
    {
        var problems = new TranslationProblems();
        var policy = RetryPolicyTranslator.Translate(FromYaml.Message<Proto>(yaml), problems, ConfigPath.Root);
        found = problems.Found.Concat(problems.Ignored).Select(static problem => problem.ToString());
        return policy;
    }
}
