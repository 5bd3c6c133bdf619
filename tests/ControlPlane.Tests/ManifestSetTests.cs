using System.Text;
using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;

namespace KubeProxyNet.ControlPlane.Tests;

public sealed class ManifestSetTests
{
    private readonly ManifestSet _manifests = new();
    private readonly ObjectStore _objects = new(TimeProvider.System);

    [Fact]
    public void A_bad_version_leaves_the_last_good_one_in_force()
    {
        Write("a.yaml", Service("web", 80));
        Write("a.yaml", Service("web", 99999));

        PortOf("web").Should().Be(80);
        _manifests.Diagnostics.Should().ContainSingle(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

        Write("a.yaml", Service("web", 81));

        PortOf("web").Should().Be(81);
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Fact]
    public void A_bad_object_harms_no_other_of_its_file()
    {
        Write("a.yaml", $"{Service("web", 80)}---\n{Service("api", 80)}");
        Write("a.yaml", $"{Service("web", 99999)}---\n{Service("api", 81)}");

        PortOf("web").Should().Be(80);
        PortOf("api").Should().Be(81);
    }

    [Fact]
    public void A_file_that_cannot_be_understood_takes_no_object_away()
    {
        Write("a.yaml", $"{Service("web", 80)}---\n{Service("api", 80)}");
        Write("a.yaml", $"{Service("web", 81)}---\nkind: Serv");

        PortOf("web").Should().Be(81);
        PortOf("api").Should().Be(80);
    }

    [Fact]
    public void An_object_that_is_taken_out_of_a_good_file_is_gone()
    {
        Write("a.yaml", $"{Service("web", 80)}---\n{Service("api", 80)}");
        Write("a.yaml", Service("web", 80));

        _objects.Current.Services.Keys.Select(name => name.Name).Should().Equal("web");
    }

    [Fact]
    public void An_object_in_two_files_is_taken_from_the_first_and_the_other_is_told()
    {
        Write("b.yaml", Service("web", 81));
        Write("a.yaml", Service("web", 80));

        PortOf("web").Should().Be(80);
        _manifests.Diagnostics.Should().ContainSingle()
            .Which.ToString().Should().Be("b.yaml:1: error: Service default/web: stands in a.yaml:1 too; that one is used; remove one of the two");

        Write("a.yaml", null);

        PortOf("web").Should().Be(81);
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Fact]
    public void An_object_that_moves_to_another_file_is_never_away()
    {
        Write("a.yaml", Service("web", 80));
        var changes = _manifests.Apply(
        [
            new("a.yaml", null),
            new("b.yaml", ManifestReader.Parse("b.yaml", Encoding.UTF8.GetBytes(Service("web", 80)))),
        ]);

        changes.Should().ContainSingle().Which.Object.Should().NotBeNull();
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Fact]
    public void An_equal_object_stays_the_same_reference()
    {
        Write("a.yaml", Service("web", 80));
        var before = _objects.Current;
        Write("a.yaml", Service("web", 80) + "# only a comment is new\n");

        _objects.Current.Should().BeSameAs(before);
    }

    private void Write(string file, string? text) => _objects.Apply(_manifests.Apply(
        [new(file, text is null ? null : ManifestReader.Parse(file, Encoding.UTF8.GetBytes(text)))]));

    private int PortOf(string service) => _objects.Current.Services[new ObjectName("default", service)].Spec.Ports[0].Port;

    private static string Service(string name, int port) => $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: {port}}}]}}\n";
}
