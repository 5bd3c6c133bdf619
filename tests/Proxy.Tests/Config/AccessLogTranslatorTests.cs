using AwesomeAssertions;
using Envoy.Config.Accesslog.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class AccessLogTranslatorTests
{
    private const string File = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    private const string Stream = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.";

    private static AccessLogConfig? Translate(string config, out TranslationProblems problems) =>
        AccessLogTranslator.Translate([FromYaml.Message<AccessLog>($"{{name: a, typed_config: {{{config}}}}}")], problems = new TranslationProblems(), ConfigPath.Root.Field("access_log")).SingleOrDefault();

    private static AccessLogConfig Good(string config)
    {
        var log = Translate(config, out var problems);
        problems.Found.Should().BeEmpty();
        return log!;
    }

    [Theory]
    [InlineData($"'@type': {File}, path: /tmp/log", "/tmp/log")]
    [InlineData($"'@type': {Stream}StdoutAccessLog", "/dev/stdout")]
    [InlineData($"'@type': {Stream}StderrAccessLog", "/dev/stderr")]
    public void A_log_without_format_has_envoys(string config, string path)
    {
        var log = Good(config);
        log.Path.Should().Be(path);
        log.Format.Should().BeSameAs(AccessLogFormat.Default);
    }

    [Theory]
    [InlineData("format: '%PROTOCOL%'")]
    [InlineData("log_format: {text_format: '%PROTOCOL%'}")]
    [InlineData("log_format: {text_format_source: {inline_string: '%PROTOCOL%'}}")]
    [InlineData("log_format: {text_format_source: {inline_bytes: 'JVBST1RPQ09MJQ=='}}")]
    [InlineData("log_format: {json_format: {p: '%PROTOCOL%'}, omit_empty_values: true}")]
    [InlineData("typed_json_format: {p: '%PROTOCOL%'}")]
    public void A_format_may_be_given_in_many_ways(string format) => Good($"'@type': {File}, path: /tmp/log, {format}").Format.Should().NotBeSameAs(AccessLogFormat.Default);

    [Fact]
    public void A_format_may_stand_in_a_file()
    {
        using var folder = new TempFolder();
        var file = folder.Write("format.txt", "%NO_SUCH_OPERATOR%");
        Translate($"'@type': {Stream}StdoutAccessLog, log_format: {{text_format_source: {{filename: {file}}}}}", out var problems).Should().BeNull();
        problems.Found.Should().ContainSingle().Which.ToString().Should().Contain("NO_SUCH_OPERATOR");
    }

    [Theory]
    [InlineData("format: '%NO%'", "access_log[0].typed_config.format")]
    [InlineData("log_format: {text_format: '%NO%'}", "access_log[0].typed_config.log_format")]
    [InlineData("typed_json_format: {a: '%NO%'}", "access_log[0].typed_config.typed_json_format")]
    public void A_format_with_a_fault_is_refused(string format, string path)
    {
        Translate($"'@type': {File}, path: /tmp/log, {format}", out var problems).Should().BeNull();
        problems.Found.Should().ContainSingle().Which.Should().Match<ConfigProblem>(problem => problem.Path.ToString() == path && problem.Remedy == "correct the format string");
    }

    [Fact]
    public void A_filter_belongs_to_its_log()
    {
        var problems = new TranslationProblems();
        var logs = AccessLogTranslator.Translate(
            [
                FromYaml.Message<AccessLog>($"{{filter: {{response_flag_filter: {{flags: [UF]}}}}, typed_config: {{'@type': {Stream}StdoutAccessLog}}}}"),
                FromYaml.Message<AccessLog>($"{{typed_config: {{'@type': {Stream}StdoutAccessLog}}}}"),
            ],
            problems,
            ConfigPath.Root.Field("access_log"));

        problems.Found.Should().BeEmpty();
        logs.Select(static log => log.Filter?.GetType()).Should().Equal(typeof(Runtime.LogFilters.ResponseFlagFilter), null);
    }

    [Fact]
    public void A_log_with_a_filter_that_cannot_be_done_is_refused()
    {
        var problems = new TranslationProblems();
        AccessLogTranslator.Translate(
            [FromYaml.Message<AccessLog>($"{{filter: {{response_flag_filter: {{flags: [NO]}}}}, typed_config: {{'@type': {Stream}StdoutAccessLog}}}}")],
            problems,
            ConfigPath.Root.Field("access_log")).Should().BeEmpty();

        problems.Found.Should().ContainSingle().Which.Path.ToString().Should().Be("access_log[0].filter.response_flag_filter.flags[0]");
    }
}
