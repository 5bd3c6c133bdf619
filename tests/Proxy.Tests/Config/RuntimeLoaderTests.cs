using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds.Validation;
using RuntimeMessage = Envoy.Service.Runtime.V3.Runtime;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>The layers of a bootstrap's runtime, from the file to the values in force.</summary>
public sealed class RuntimeLoaderTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly StatRegistry _stats = new();
    private readonly TimerClock _clock = new();
    private readonly LogLines _log = new();
    private RuntimeValues _values = RuntimeValues.Empty;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Static_values_are_flattened_and_shares_read()
    {
        using var loader = Load("layers: [{name: base, static_layer: {a: {b: 5, c: {numerator: 7, denominator: MILLION}}, d.e: '8', f: true}}]");

        _values.Final.Keys.Should().BeEquivalentTo("a.b", "a.c", "d.e", "f");
        _values.IntegerOf("a.b", 0).Should().Be(5);
        _values.ShareOf("a.c", default).Should().Be(new RuntimeShare(7, 1_000_000));
        _values.IntegerOf("d.e", 0).Should().Be(8);
        _values.Final["f"].Text.Should().Be("true");
        _stats.Collect().Value("runtime.num_keys").Should().Be(4);
        _stats.Collect().Value("runtime.num_layers").Should().Be(1);
    }

    [Fact]
    public void Without_layers_there_is_one_for_the_admin_page()
    {
        using var loader = Load("");

        loader.Modify([new("a", "5"), new("b", "6")]).Should().BeNull();
        loader.Modify([new("a", "")]).Should().BeNull();

        _values.Final.Keys.Should().Equal("b");
        _stats.Collect().Value("runtime.admin_overrides_active").Should().Be(1);
    }

    [Fact]
    public void Without_an_admin_layer_nothing_can_be_set()
    {
        using var loader = Load("layers: [{name: base, static_layer: {a: 1}}]");

        loader.Modify([new("a", "5")]).Should().Be("the runtime has no admin layer; add one to layered_runtime");
        _values.IntegerOf("a", 0).Should().Be(1);
    }

    [Fact]
    public void What_the_admin_page_keeps_has_a_bound()
    {
        using var loader = Load("");

        loader.Modify([.. Enumerable.Range(0, RuntimeLoader.MaxOverrides).Select(static i => new KeyValuePair<string, string>($"k{i}", "1"))]).Should().BeNull();
        loader.Modify([new("one.more", "1")]).Should().StartWith("that would be more than 1000 values");

        _values.Final.Should().HaveCount(RuntimeLoader.MaxOverrides);
    }

    [Fact]
    public void Files_are_read_and_read_again_when_the_link_leads_elsewhere()
    {
        Write("v1/kpn/health/verify", "# how often\n50\n");
        Write("v1/kpn/share", "numerator: 5\ndenominator: TEN_THOUSAND\n");
        Write("v2/kpn/health/verify", "60");
        Directory.CreateSymbolicLink(_folder.File("current"), _folder.File("v1"));
        using var loader = Load($"layers: [{{name: disk, disk_layer: {{symlink_root: {_folder.File("current")}, subdirectory: kpn}}}}]");

        _values.IntegerOf("health.verify", 0).Should().Be(50);
        _values.ShareOf("share", default).Should().Be(new RuntimeShare(5, 10_000));

        Directory.Delete(_folder.File("current"));
        Directory.CreateSymbolicLink(_folder.File("current"), _folder.File("v2"));
        _clock.Advance(TimeSpan.FromSeconds(1));

        _values.Final.Keys.Should().Equal("health.verify");
        _values.IntegerOf("health.verify", 0).Should().Be(60);
    }

    [Fact]
    public void The_folder_of_the_service_cluster_goes_before_the_common_one()
    {
        Write("root/all/a", "1");
        Write("root/override/web/a", "2");
        var root = _folder.File("root");
        using var loader = Load($"layers: [{{name: all, disk_layer: {{symlink_root: {root}, subdirectory: all}}}}, {{name: own, disk_layer: {{symlink_root: {root}, subdirectory: override, append_service_cluster: true}}}}]");

        _values.IntegerOf("a", 0).Should().Be(2);
    }

    [Fact]
    public void A_folder_that_does_not_exist_has_no_values()
    {
        using var loader = Load($"layers: [{{name: disk, disk_layer: {{symlink_root: {_folder.File("none")}}}}}]");

        _values.Final.Should().BeEmpty();
        _stats.Collect().Value("runtime.override_dir_not_exists").Should().Be(1);
    }

    [Fact]
    public void Layers_of_discovery_take_their_place_in_the_order()
    {
        using var loader = Load("layers: [{name: base, static_layer: {a: 1, b: 1}}, {name: ours, rtds_layer: {name: r, rtds_config: {ads: {}}}}, {name: admin, admin_layer: {}}]");
        loader.Discovered.Should().Equal("r");

        loader.Set([FromYaml.Message<RuntimeMessage>("{name: r, layer: {a: 2, b: 2}}"), FromYaml.Message<RuntimeMessage>("{name: another, layer: {a: 9}}")]);
        loader.Modify([new("b", "3")]);

        (_values.IntegerOf("a", 0), _values.IntegerOf("b", 0)).Should().Be((2UL, 3UL));
        _values.Layers.Select(static layer => layer.Name).Should().Equal("base", "ours", "admin");
    }

    [Theory]
    [InlineData("[{name: a, admin_layer: {}}, {name: b, admin_layer: {}}]", "layered_runtime.layers[1].admin_layer: there is an admin layer already; keep one of them")]
    [InlineData("[{name: a, static_layer: {}}, {name: a, admin_layer: {}}]", "layered_runtime.layers[1].name: a layer \"a\" exists already; give each layer its own name")]
    [InlineData("[{name: a, rtds_layer: {name: r, rtds_config: {path_config_source: {path: x}}}}]", "layered_runtime.layers[0].rtds_layer.rtds_config: layers are discovered over ADS only; write \"ads: {}\"")]
    [InlineData("[{name: a, rtds_layer: {name: r, rtds_config: {ads: {}}}}]", "layered_runtime.layers[0].rtds_layer: there is no control plane to ask; add dynamic_resources.ads_config")]
    public void What_cannot_be_done_is_named_with_path_and_remedy(string layers, string problem)
    {
        var problems = new TranslationProblems();

        RuntimeLoader.Check(FromYaml.Message<Bootstrap>($"layered_runtime: {{layers: {layers}}}"), problems, ConfigPath.Root.Field("layered_runtime"));

        problems.Found.Select(static found => found.ToString()).Should().Equal(problem);
    }

    private RuntimeLoader Load(string yaml) => new(
        yaml.Length == 0 ? null : FromYaml.Message<LayeredRuntime>(yaml), "web", values => _values = values, _stats, _clock, _log);

    private void Write(string path, string text)
    {
        var file = _folder.File(path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
