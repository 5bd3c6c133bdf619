using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Sources.Manifests;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>A real folder with real files; every wait is for the change itself.</summary>
public sealed class ManifestFolderTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kpn-manifests-").FullName;
    private ManifestFolder? _source;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
        {
            await _source.DisposeAsync();
        }

        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Fact]
    public void Every_manifest_of_the_folder_is_there_after_the_start_and_nothing_else()
    {
        File.WriteAllText(PathOf("a.yaml"), Service("a"));
        File.WriteAllText(PathOf("b.yml"), Service("b"));
        File.WriteAllText(PathOf("c.json"), """{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}, "spec": {"ports": [{"port": 80}]}}""");
        File.WriteAllText(PathOf("notes.txt"), Service("d"));
        File.WriteAllText(PathOf(".hidden.yaml"), Service("e"));
        Directory.CreateDirectory(PathOf("below"));
        File.WriteAllText(PathOf("below/f.yaml"), Service("f"));

        Start();

        Names().Should().BeEquivalentTo("a", "b", "c");
    }

    [Fact]
    public async Task A_file_that_is_added_edited_or_removed_changes_the_objects()
    {
        Start();

        File.WriteAllText(PathOf("a.yaml"), Service("a"));
        await Until(() => Names().SequenceEqual(["a"]));

        File.WriteAllText(PathOf("a.yaml"), Service("b"));
        await Until(() => Names().SequenceEqual(["b"]));

        File.Delete(PathOf("a.yaml"));
        await Until(() => !Names().Any());
    }

    [Fact]
    public async Task A_file_that_is_renamed_into_place_changes_the_objects()
    {
        Start();
        File.WriteAllText(PathOf("a.yaml.new"), Service("a"));
        File.Move(PathOf("a.yaml.new"), PathOf("a.yaml"));

        await Until(() => Names().SequenceEqual(["a"]));

        File.WriteAllText(PathOf("a.yaml.new"), Service("b"));
        File.Move(PathOf("a.yaml.new"), PathOf("a.yaml"), overwrite: true);

        await Until(() => Names().SequenceEqual(["b"]));
    }

    [Fact]
    public async Task A_mounted_ConfigMap_that_swaps_its_data_link_changes_the_objects()
    {
        Directory.CreateDirectory(PathOf("..1"));
        Directory.CreateDirectory(PathOf("..2"));
        File.WriteAllText(PathOf("..1/a.yaml"), Service("a"));
        File.WriteAllText(PathOf("..2/a.yaml"), Service("b"));
        Directory.CreateSymbolicLink(PathOf("..data"), "..1");
        File.CreateSymbolicLink(PathOf("a.yaml"), "..data/a.yaml");
        Start();
        Names().Should().Equal("a");

        Directory.CreateSymbolicLink(PathOf("..data_tmp"), "..2");
        Rename(PathOf("..data_tmp"), PathOf("..data"));

        await Until(() => Names().SequenceEqual(["b"]));
    }

    [Fact]
    public async Task A_bad_edit_is_reported_and_leaves_the_last_good_version()
    {
        File.WriteAllText(PathOf("a.yaml"), Service("a"));
        Start();

        File.WriteAllText(PathOf("a.yaml"), Service("a").Replace("80", "eighty"));
        await Until(() => _source!.Diagnostics.Length == 1);

        Names().Should().Equal("a");
        _source!.Diagnostics[0].ToString().Should().Contain("a.yaml:4").And.Contain("Service default/a: spec.ports[0].port");
    }

    [Fact]
    public async Task A_folder_that_vanishes_keeps_its_objects_and_is_used_again_when_it_is_back()
    {
        File.WriteAllText(PathOf("a.yaml"), Service("a"));
        Start(rescan: TimeSpan.FromMilliseconds(100));

        Directory.Move(_folder, _folder + "-away");
        await Until(() => _source!.Diagnostics.Length == 1);
        Names().Should().Equal("a");
        _source!.Diagnostics[0].Message.Should().Contain("the folder cannot be read");

        Directory.Move(_folder + "-away", _folder);
        await Until(() => _source.Diagnostics.IsEmpty);
        File.WriteAllText(PathOf("a.yaml"), Service("b"));

        await Until(() => Names().SequenceEqual(["b"]));
    }

    [Fact]
    public async Task A_change_among_a_thousand_files_leaves_every_other_object_as_it_was()
    {
        for (var i = 0; i < 1000; i++)
        {
            File.WriteAllText(PathOf($"{i:0000}.yaml"), Service($"s{i}"));
        }

        Start();
        var before = _source!.Objects.Current.Services;

        File.WriteAllText(PathOf("0500.yaml"), Service("s500").Replace("80", "81"));
        await Until(() => _source.Objects.Current.Services != before);

        var now = _source.Objects.Current.Services;
        now.Where(service => !ReferenceEquals(service.Value, before[service.Key])).Should().ContainSingle()
            .Which.Key.Name.Should().Be("s500");
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_a_clear_error_at_the_start()
    {
        var source = new ManifestFolder(new ManifestFolderOptions { Folder = PathOf("missing") }, TimeProvider.System);

        source.Invoking(folder => folder.Start()).Should().Throw<DirectoryNotFoundException>().WithMessage("*missing does not exist*");
    }

    private void Start(TimeSpan? rescan = null)
    {
        var options = new ManifestFolderOptions { Folder = _folder };
        _source = new ManifestFolder(rescan is null ? options : options with { RescanInterval = rescan.Value }, TimeProvider.System);
        _source.Start();
    }

    private async Task Until(Func<bool> condition)
    {
        while (!condition())
        {
            (await _source!.Objects.Changed.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).Should().BeTrue("a change was awaited");
        }
    }

    private IEnumerable<string> Names() => _source!.Objects.Current.Services.Keys.Select(name => name.Name).Order(StringComparer.Ordinal);

    private string PathOf(string name) => Path.Combine(_folder, name);

    // What the kubelet does: rename(2) puts the new link in the place of the old one.
    private static void Rename(string from, string to)
    {
        using var process = System.Diagnostics.Process.Start("mv", ["-T", from, to]);
        process.WaitForExit();
        process.ExitCode.Should().Be(0);
    }

    private static string Service(string name) => $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}]}}\n";
}
