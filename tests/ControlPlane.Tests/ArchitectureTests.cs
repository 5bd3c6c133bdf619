using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.Testing;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>The arrows between the folders point one way, in the compiled code.</summary>
public sealed class ArchitectureTests
{
    private const string Root = "KubeProxyNet.ControlPlane";

    [Theory]
    [InlineData("Sources", "Translation", "Model", "Emission", "Serving", "Wire")]
    [InlineData("Model", "Sources", "Translation", "Emission", "Serving", "Wire")]
    [InlineData("Translation", "Emission", "Serving", "Wire")]
    [InlineData("Emission", "Sources", "Translation", "Serving")]
    public void A_folder_uses_only_what_lies_below_it(string folder, params string[] forbidden)
    {
        var types = typeof(TrafficModel).Assembly.GetTypes().Where(type => FolderOf(type) == folder).ToList();
        types.Should().NotBeEmpty();

        var wrong =
            from type in types
            from used in CompiledReferences.Of(type)
            where forbidden.Contains(FolderOf(used))
            select $"{type} uses {used}";

        wrong.Distinct().ToList().Should().BeEmpty();
    }

    [Fact]
    public void The_control_plane_does_not_know_the_proxy() =>
        typeof(TrafficModel).Assembly.GetReferencedAssemblies().Select(static name => name.Name)
            .Where(static name => name!.StartsWith("KubeProxyNet.", StringComparison.Ordinal)).Should().Equal("KubeProxyNet.Xds");

    /// <summary>The folder of one of our types; "Wire" for the generated types of the xDS API.</summary>
    private static string? FolderOf(Type type) => type.Namespace switch
    {
        { } name when name.StartsWith("Envoy.", StringComparison.Ordinal) => "Wire",
        { } name when name.StartsWith(Root + ".", StringComparison.Ordinal) => name[(Root.Length + 1)..].Split('.')[0],
        _ => null,
    };
}
