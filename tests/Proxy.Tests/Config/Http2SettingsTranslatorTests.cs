using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Upstream;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class Http2SettingsTranslatorTests
{
    [Fact]
    public void Settings_of_other_numbers_are_kept_in_order_and_once() =>
        Good("custom_settings_parameters: [{identifier: 61680, value: 7}, {identifier: 16, value: 4294967295}, {identifier: 61680, value: 7}]")
            .CustomSettings.Should().Equal(new Http2CustomSetting(61_680, 7), new Http2CustomSetting(16, uint.MaxValue));

    [Fact]
    public void Those_that_have_a_name_are_that_field()
    {
        var options = Good("custom_settings_parameters: [{identifier: 1, value: 0}, {identifier: 3, value: 9}, {identifier: 4, value: 100000}]");

        (options.HpackTableSize, options.MaxConcurrentStreams, options.InitialStreamWindow, options.MaxStreamWindow).Should().Be((0, 9, 100_000, 100_000));
        options.CustomSettings.Should().BeEmpty();
    }

    [Theory]
    [InlineData("identifier: 2, value: 0")]
    [InlineData("identifier: 5, value: 16384")]
    [InlineData("identifier: 9, value: 1")]
    public void Those_that_say_what_is_so_anyway_change_nothing(string setting) => Good($"custom_settings_parameters: [{{{setting}}}]").Should().Be(Good(""));

    [Theory]
    [InlineData("hpack_table_size: 1, custom_settings_parameters: [{identifier: 1, value: 1}]", "[0]: hpack_table_size says it as well; keep one of the two")]
    [InlineData("max_concurrent_streams: 1, custom_settings_parameters: [{identifier: 3, value: 1}]", "[0]: max_concurrent_streams says it as well; keep one of the two")]
    [InlineData("initial_stream_window_size: 65535, custom_settings_parameters: [{identifier: 4, value: 65535}]", "[0]: initial_stream_window_size says it as well; keep one of the two")]
    [InlineData("custom_settings_parameters: [{identifier: 2, value: 1}]", "[0]: nothing is pushed, nor taken where it is; remove it")]
    [InlineData("custom_settings_parameters: [{identifier: 3, value: 0}]", "[0]: 0 streams are out of range; write a number from 1 to 2147483647")]
    [InlineData("custom_settings_parameters: [{identifier: 4, value: 1}]", "[0]: a window of 1 is out of range; write a number from 65535 to 2147483647")]
    [InlineData("custom_settings_parameters: [{identifier: 5, value: 20000}]", "[0]: frames are taken up to 16384 octets; remove it")]
    [InlineData("custom_settings_parameters: [{identifier: 6, value: 1}]", "[0]: the longest head is announced as it is configured; write max_request_headers_kb of the connection manager, or max_response_headers_kb of the cluster")]
    [InlineData("custom_settings_parameters: [{identifier: 8, value: 1}]", "[0]: extended CONNECT has a field of its own; write allow_connect")]
    [InlineData("custom_settings_parameters: [{identifier: 9, value: 0}]", "[0]: the priorities of RFC 7540 are not acted on; remove it")]
    [InlineData("custom_settings_parameters: [{identifier: 240, value: 1}, {identifier: 240, value: 2}]", "[1]: setting 240 is 1 before and 2 here; keep one of them")]
    public void What_cannot_be_is_refused_where_it_stands(string fields, string problem)
    {
        Translate(fields, out var problems);

        problems.Should().Equal("http2_protocol_options.custom_settings_parameters" + problem);
    }

    private static Http2Options Good(string fields)
    {
        var options = Translate(fields, out var problems);
        problems.Should().BeEmpty();
        return options;
    }

    private static Http2Options Translate(string fields, out IEnumerable<string> problems)
    {
        var found = new TranslationProblems();
        var config = new UpstreamHttpTranslator(FromYaml.Message<ClusterMessage>($"{{name: c, http2_protocol_options: {{{fields}}}}}"), found).Translate(new ClusterConfig { Name = "c" });
        problems = found.Found.Select(static problem => problem.ToString());
        return config.Http2;
    }
}
