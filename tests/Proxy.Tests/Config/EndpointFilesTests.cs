using AwesomeAssertions;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Endpoints that clusters discover in files (Envoy documentation, "Dynamic configuration (filesystem)").</summary>
public sealed class EndpointFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("path_config_source: {{path: {0}}}")]
    [InlineData("path: {0}")]
    public async Task A_cluster_of_the_control_plane_goes_live_with_the_endpoints_of_its_file(string source)
    {
        await using var proxy = new ConfiguredProxy();
        var file = Write("a", 1, 2);

        proxy.Clusters(FromFile("a", file, source), Discovered("b")).Rejections.Should().BeEmpty();

        proxy.PortsOf("a").Should().Equal(1, 2);
        proxy.PortsOf("b").Should().BeNull("it waits for the control plane");
        proxy.State.EndpointSubscriptions.Should().Equal("b");
        proxy.Stat("cluster.a.update_attempt").Should().Be(1);
        proxy.Stat("cluster.a.update_success").Should().Be(1);
    }

    [Fact]
    public async Task A_file_that_is_moved_into_place_is_in_force_without_a_word_to_the_control_plane()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(FromFile("a", Write("a", 1)), FromFile("b", Write("b", 2)));
        var told = proxy.SubscriptionChanges;

        _folder.Replace("a.yaml", Response("a", 3));
        await UntilAsync(proxy, () => proxy.PortsOf("a") is [3]);
        _folder.Replace("a.yaml", Response("a", 4));
        await UntilAsync(proxy, () => proxy.PortsOf("a") is [4]);

        proxy.PortsOf("b").Should().Equal(2);
        proxy.Stat("cluster.b.update_attempt").Should().Be(1, "what lies beside is not applied again");
        proxy.SubscriptionChanges.Should().Be(told);
    }

    [Fact]
    public async Task A_bad_file_keeps_the_last_good_one_and_is_named_with_its_field()
    {
        await using var proxy = new ConfiguredProxy();
        var file = Write("a", 1);
        proxy.Clusters(FromFile("a", file));

        _folder.Replace("a.yaml", Response("a", 2).Replace("port_value", "port_valeu", StringComparison.Ordinal));
        await UntilAsync(proxy, () => proxy.Log.Lines.Any(line => line.Contains($"{file} cannot be used", StringComparison.Ordinal) && line.Contains("port_valeu", StringComparison.Ordinal)));
        proxy.PortsOf("a").Should().Equal(1);
        await UntilAsync(proxy, () => proxy.Stat("cluster.a.update_failure") == 1);

        _folder.Replace("a.yaml", Response("other", 2));
        await UntilAsync(proxy, () => proxy.Log.Lines.Any(line => line.Contains($"no assignment with the cluster_name \"a\" in {file}", StringComparison.Ordinal)));
        proxy.PortsOf("a").Should().Equal(1);
        proxy.Stat("cluster.a.update_rejected").Should().Be(1);

        _folder.Replace("a.yaml", "resources: []");
        await UntilAsync(proxy, () => proxy.Log.Lines.Count > 0 && Has(proxy, "cluster.a.update_empty"));
        proxy.PortsOf("a").Should().Equal(1);

        _folder.Delete("a.yaml");
        await UntilAsync(proxy, () => proxy.Stat("cluster.a.update_failure") >= 2);
        _folder.Replace("a.yaml", Response("a", 3));
        await UntilAsync(proxy, () => proxy.PortsOf("a") is [3]);
    }

    [Fact]
    public async Task A_bad_file_is_waited_for_as_long_as_the_source_says()
    {
        await using var proxy = new ConfiguredProxy();
        var file = _folder.Write("a.yaml", "nonsense: true");
        proxy.Clusters(FromFile("a", file, "path_config_source: {{path: {0}}}, initial_fetch_timeout: 1000s"), FromFile("b", file, "path_config_source: {{path: {0}}}, initial_fetch_timeout: 2s"));
        proxy.PortsOf("b").Should().BeNull();

        proxy.Clock.Advance(TimeSpan.FromSeconds(2));
        proxy.PortsOf("b").Should().BeEmpty();
        proxy.PortsOf("a").Should().BeNull();
        proxy.Stat("cluster.b.init_fetch_timeout").Should().Be(1);
        _folder.Replace("a.yaml", Response("a", 1));
        await UntilAsync(proxy, () => proxy.PortsOf("a") is [1]);
    }

    [Fact]
    public async Task One_file_may_serve_several_clusters_by_their_service_names()
    {
        await using var proxy = new ConfiguredProxy();
        var file = _folder.Write("all.yaml", $"resources: [{Resource("s", 1)}, {Resource("t", 2)}]");

        proxy.Clusters(FromFile("a", file, service: "s"), FromFile("b", file, service: "t"));
        proxy.Clusters(FromFile("c", file, service: "s"));

        proxy.PortsOf("a").Should().Equal(1);
        proxy.PortsOf("b").Should().Equal(2);
        proxy.PortsOf("c").Should().Equal(1);
    }

    [Fact]
    public async Task The_same_name_in_a_file_and_over_the_stream_are_two_things()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(FromFile("a", Write("s", 1), service: "s"), Discovered("b", service: "s"));

        proxy.Assignments(Assignment("s", 2));

        proxy.PortsOf("a").Should().Equal(1);
        proxy.PortsOf("b").Should().Equal(2);
    }

    [Fact]
    public async Task A_cluster_that_is_replaced_keeps_what_its_file_said_and_one_that_comes_again_reads_it_again()
    {
        await using var proxy = new ConfiguredProxy();
        var file = Write("a", 1);
        proxy.Clusters(FromFile("a", file));
        proxy.Clusters(FromFile("a", file, more: "connect_timeout: 1s"));
        proxy.PortsOf("a").Should().Equal(1);

        proxy.Removed("a");
        proxy.PortsOf("a").Should().BeNull();
        _folder.Replace("a.yaml", Response("a", 2));
        proxy.Clusters(FromFile("a", file));
        proxy.PortsOf("a").Should().Equal(2);
    }

    [Fact]
    public async Task What_is_watched_may_be_a_folder_whose_link_is_moved()
    {
        await using var proxy = new ConfiguredProxy();
        _folder.Write("1/a.yaml", Response("a", 1));
        _folder.Write("2/a.yaml", Response("a", 2));
        File.CreateSymbolicLink(_folder.File("now"), "1");
        proxy.Clusters(FromFile("a", _folder.File("now/a.yaml"), $"path_config_source: {{{{path: {{0}}, watched_directory: {{{{path: {_folder.Path}}}}}}}}}"));
        proxy.PortsOf("a").Should().Equal(1);

        File.Delete(_folder.File("now"));
        File.CreateSymbolicLink(_folder.File("now"), "2");

        await UntilAsync(proxy, () => proxy.PortsOf("a") is [2]);
    }

    [Fact]
    public async Task A_file_or_folder_that_is_not_there_is_refused_by_field()
    {
        await using var proxy = new ConfiguredProxy();
        var file = Write("a", 1);

        proxy.Clusters(FromFile("a", _folder.File("none.yaml"))).Rejections.Should().ContainSingle()
            .Which.Reason.Should().Contain("eds_cluster_config.eds_config.path_config_source.path").And.Contain("does not exist");
        proxy.Clusters(FromFile("a", file, "path_config_source: {{path: {0}, watched_directory: {{path: /no/such/folder}}}}")).Rejections.Should().ContainSingle()
            .Which.Reason.Should().Contain("eds_cluster_config.eds_config.path_config_source.watched_directory.path");
    }

    private static bool Has(ConfiguredProxy proxy, string stat) => proxy.Stats.Collect().Values.Any(value => value.Name == stat && value.Value > 0);

    private static Envoy.Config.Cluster.V3.Cluster FromFile(string name, string file, string source = "path_config_source: {{path: {0}}}", string service = "", string more = "") =>
        Discovered(name, more, string.Format(System.Globalization.CultureInfo.InvariantCulture, source, file), service);

    /// <summary>Waits for what follows a change of a file. The clock stands still but for this, so what was quiet for a moment is noticed.</summary>
    private static Task UntilAsync(ConfiguredProxy proxy, Func<bool> condition) => Patience.UntilAsync(
        () =>
        {
            proxy.Clock.Advance(TimeSpan.FromMilliseconds(50));
            return condition();
        },
        "the change");

    private string Write(string service, params int[] ports) => _folder.Write($"{service}.yaml", Response(service, ports));

    private static string Response(string service, params int[] ports) => $"resources: [{Resource(service, ports)}]";

    private static string Resource(string service, params int[] ports)
    {
        var endpoints = ports.Select(static port => $"{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}");
        return $"{{\"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment, cluster_name: {service}, endpoints: [{{lb_endpoints: [{string.Join(", ", endpoints)}]}}]}}";
    }
}
