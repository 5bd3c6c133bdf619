using AwesomeAssertions;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>The file system buffer of a connection manager, and what routes say of it.</summary>
public sealed class FileSystemBufferTranslatorTests
{
    private const string Type = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.file_system_buffer.v3.FileSystemBufferFilterConfig";

    [Theory]
    [InlineData("stream_when_possible", BufferBehavior.StreamWhenPossible)]
    [InlineData("bypass", BufferBehavior.Bypass)]
    [InlineData("inject_content_length_if_necessary", BufferBehavior.InjectContentLengthIfNecessary)]
    [InlineData("fully_buffer_and_always_inject_content_length", BufferBehavior.FullyBufferAndAlwaysInjectContentLength)]
    [InlineData("fully_buffer", BufferBehavior.FullyBuffer)]
    public void Each_behavior_arrives(string name, BufferBehavior behavior)
    {
        var config = Filter($"manager_config: {{thread_pool: {{thread_count: 1}}}}, storage_buffer_path: /tmp, response: {{behavior: {{{name}: {{}}}}, memory_buffer_bytes_limit: 7, storage_buffer_bytes_limit: 0}}", out var problems);

        problems.Should().BeEmpty();
        config.Should().Be(new FileSystemBufferConfig("f", new StreamBufferSettings(), new StreamBufferSettings(behavior, 7)));
    }

    [Fact]
    public void Whoever_counts_on_disks_is_told()
    {
        Filter("request: {storage_buffer_bytes_limit: 5}, response: {behavior: {fully_buffer: {}}}", out var problems);

        problems.Should().Equal(
            "http_filters[0].typed_config.request.storage_buffer_bytes_limit: nothing is written to disks here; write 0, and in memory_buffer_bytes_limit how much of a body may be held in memory",
            "http_filters[0].typed_config.response: storage_buffer_bytes_limit is 32 MiB where it is left out, and nothing is written to disks here; write 0, and in memory_buffer_bytes_limit how much of a body may be held in memory");
    }

    [Fact]
    public void A_route_may_speak_of_one_direction_alone()
    {
        var found = new TranslationProblems();
        var table = RouteConfigurationTranslator.Translate(
            FromYaml.Message<Envoy.Config.Route.V3.RouteConfiguration>(
                $$"""{ name: r, virtual_hosts: [ { name: h, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: c }, typed_per_filter_config: { f: { {{Type}}, request: { memory_buffer_bytes_limit: 9 } } } } ] } ] }"""),
            found);

        found.Found.Should().BeEmpty();
        table!.VirtualHosts[0].Routes[0].Source.FilterConfigs.Should().Equal(
            new RouteFilterConfig("f", Disabled: false, new FileSystemBufferRouteSettings(new StreamBufferSettings(null, 9), new StreamBufferSettings())));
    }

    [Fact]
    public void Levels_complete_each_other_and_of_other_filters_the_most_specific_counts()
    {
        static RouteFilterConfig Buffer(BufferBehavior? behavior, int? bytes) =>
            new("f", Disabled: false, new FileSystemBufferRouteSettings(new StreamBufferSettings(behavior), new StreamBufferSettings(null, bytes)));

        RouteFilterConfig.Flatten([Buffer(null, 1), new("b", Disabled: false, new BufferRouteSettings(1)), Buffer(BufferBehavior.Bypass, 2), new("b", Disabled: false, new BufferRouteSettings(2))])
            .Should().Equal(Buffer(BufferBehavior.Bypass, 1), new RouteFilterConfig("b", Disabled: false, new BufferRouteSettings(1)));
    }

    private static HttpFilterConfig? Filter(string settings, out string[] problems)
    {
        var found = new TranslationProblems();
        var message = FromYaml.Message<HttpConnectionManager>(
            $"{{stat_prefix: x, http_filters: [{{name: f, typed_config: {{{Type}, {settings}}}}}, {{name: r, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]}}");
        var filters = HttpFiltersTranslator.Translate(message, found, ConfigPath.Root, out _);
        problems = [.. found.Found.Select(static problem => problem.ToString())];
        return filters.FirstOrDefault();
    }
}
