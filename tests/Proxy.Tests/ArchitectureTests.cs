using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests;

/// <summary>The arrows between the folders of the data plane point one way, in the compiled code.</summary>
public sealed class ArchitectureTests
{
    private const string Root = "KubeProxyNet.Proxy";

    /// <summary>From what may use everything below it down to what uses nothing. Folders of one line do not know each other.</summary>
    private static readonly string[][] Layers =
    [
        ["Composition"],
        ["Admin"],
        ["Explain"],
        ["Config"],
        ["Listeners"],
        ["Filters"],
        ["Runtime"],
        ["Routing", "Upstream", "Overload"],
        ["Http", "Tls"],
        ["Transport", "Dns"],
        ["Observability"],
        ["RuntimeLayers"],
        ["Metadata", "Collections"],
    ];

    private static readonly Type[] Types = typeof(ProxyEngine).Assembly.GetTypes();

    [Fact]
    public void Every_folder_has_its_layer() =>
        Types.Select(FolderOf).OfType<string>().Distinct().Should().BeEquivalentTo(Layers.SelectMany(static layer => layer));

    [Fact]
    public void A_folder_uses_only_what_lies_below_it()
    {
        var wrong =
            from use in Uses()
            where use.From != use.To && LayerOf(use.To) <= LayerOf(use.From) && !IsSettingsOfTheStart(use.Target)
            select use.Text;

        wrong.Distinct().ToList().Should().BeEmpty();
    }

    [Fact]
    public void Only_configuration_knows_the_xds_messages()
    {
        var wrong =
            from type in Types
            where FolderOf(type) is { } folder && folder is not ("Config" or "Composition" or "Admin")
            from used in CompiledReferences.Of(type)
            where IsWire(used)
            select $"{type} uses {used}";

        wrong.Distinct().ToList().Should().BeEmpty();
    }

    [Fact]
    public void The_admin_page_knows_messages_only_to_show_them()
    {
        // It prints whatever was accepted, through protobuf's reflection; the one message that it names is the node, which it is handed.
        var wrong =
            from type in Types
            where FolderOf(type) == "Admin"
            from used in CompiledReferences.Of(type)
            where IsWire(used) && used.FullName is not ("KubeProxyNet.Xds.XdsTypes" or "Envoy.Config.Core.V3.Node" or "Envoy.Config.Bootstrap.V3.Bootstrap")
            select $"{type} uses {used}";

        wrong.Distinct().ToList().Should().BeEmpty();
    }

    [Fact]
    public void The_proxy_does_not_know_the_control_plane() =>
        typeof(ProxyEngine).Assembly.GetReferencedAssemblies().Select(static name => name.Name)
            .Where(static name => name!.StartsWith("KubeProxyNet.", StringComparison.Ordinal)).Should().Equal("KubeProxyNet.Xds");

    private static IEnumerable<(string From, string To, Type Target, string Text)> Uses() =>
        from type in Types
        let folder = FolderOf(type)
        where folder is not null
        from used in CompiledReferences.Of(type)
        let target = FolderOf(used)
        where target is not null
        select (folder, target, used, $"{folder} -> {target}: {type} uses {used}");

    private static int LayerOf(string folder) => Array.FindIndex(Layers, layer => layer.Contains(folder));

    // What the process was started with, a record without behaviour; the admin page shows it.
    private static bool IsSettingsOfTheStart(Type type) => type == typeof(ProxyOptions);

    private static bool IsWire(Type type) => type.Namespace is { } name
        && (name.StartsWith("Envoy.", StringComparison.Ordinal) || name.StartsWith("KubeProxyNet.Xds", StringComparison.Ordinal));

    /// <summary>The folder of one of our types; "Composition" for those directly in the project, null for those of others and of the compiler.</summary>
    private static string? FolderOf(Type type) => type.Namespace switch
    {
        Root => "Composition",
        { } name when name.StartsWith(Root + ".", StringComparison.Ordinal) => name[(Root.Length + 1)..].Split('.')[0],
        _ => null,
    };
}
