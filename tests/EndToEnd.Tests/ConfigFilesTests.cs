using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Service.Discovery.V3;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.Proxy;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.EndToEnd.Tests;

/// <summary>Every file below config/ can be used as it is. A new file is found by itself.</summary>
public sealed class ConfigFilesTests
{
    private static readonly string Root = Repository.File("config");

    /// <summary>Every bootstrap and every file of discovered resources: what is no Kubernetes manifest.</summary>
    public static TheoryData<string> XdsFiles() => [.. Files().Where(static file => !IsManifest(file)).Select(Relative)];

    /// <summary>Every folder that holds manifests.</summary>
    public static TheoryData<string> ManifestFolders() => [.. Files().Where(IsManifest).Select(static file => Relative(Path.GetDirectoryName(file)!)).Distinct()];

    [Theory]
    [MemberData(nameof(XdsFiles))]
    public void The_proxy_can_run_it(string file)
    {
        var path = Path.Combine(Root, file);
        var bootstrap = IsDiscoveryResponse(path) ? WithResourcesOf(Loaded<DiscoveryResponse>(path)) : Loaded<Bootstrap>(path);

        BootstrapCheck.Faults(bootstrap).Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(XdsFiles))]
    public void The_files_that_it_names_exist(string file)
    {
        var path = Path.Combine(Root, file);
        if (IsDiscoveryResponse(path))
        {
            return;
        }

        var dynamic = Loaded<Bootstrap>(path).DynamicResources;
        var named = new[] { dynamic?.CdsConfig?.PathConfigSource?.Path, dynamic?.LdsConfig?.PathConfigSource?.Path }.OfType<string>();

        named.Where(static name => !File.Exists(name)).Should().BeEmpty("they are given as seen from the top of the repository");
    }

    [Theory]
    [MemberData(nameof(ManifestFolders))]
    public void The_control_plane_takes_all_of_it(string folder) =>
        ManifestValidation.Validate(Path.Combine(Root, folder))
            .Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(static diagnostic => diagnostic.ToString())
            .Should().BeEmpty();

    [Fact]
    public void Files_of_every_kind_were_found()
    {
        XdsFiles().Should().Contain(static row => IsDiscoveryResponse(Path.Combine(Root, row.Data)));
        XdsFiles().Should().Contain(static row => !IsDiscoveryResponse(Path.Combine(Root, row.Data)));
        ManifestFolders().Should().HaveCountGreaterThan(1);
    }

    private static IEnumerable<string> Files() => Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories)
        .Where(static file => Path.GetExtension(file) is ".yaml" or ".yml" or ".json").Order(StringComparer.Ordinal);

    private static string Relative(string path) => Path.GetRelativePath(Root, path);

    private static bool IsManifest(string file) => HasMember(file, "kind");

    private static bool IsDiscoveryResponse(string file) => HasMember(file, "resources");

    private static bool HasMember(string file, string name) =>
        ConfigDocument.Load(file).Documents is [var first, ..] && first.Root is ConfigMapping mapping && mapping.Members.Any(member => member.Key == name);

    private static T Loaded<T>(string path)
        where T : class, Google.Protobuf.IMessage, new()
    {
        // Files are given as seen from the top of the repository, where a test does not run.
        var text = File.ReadAllText(path).Replace(": config/", $": {Root}/", StringComparison.Ordinal);
        var result = ConfigLoader.Parse<T>(path, Encoding.UTF8.GetBytes(text));
        result.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        return result.Value!;
    }

    private static Bootstrap WithResourcesOf(DiscoveryResponse response)
    {
        var resources = new Bootstrap.Types.StaticResources();
        foreach (var resource in response.Resources)
        {
            if (resource.TryUnpack<Listener>(out var listener))
            {
                resources.Listeners.Add(listener);
            }
            else if (resource.TryUnpack<ClusterLoadAssignment>(out var assignment))
            {
                resources.Clusters.Add(new Cluster { Name = assignment.ClusterName, LoadAssignment = assignment });
            }
            else
            {
                resources.Clusters.Add(resource.Unpack<Cluster>());
            }
        }

        return new Bootstrap { StaticResources = resources };
    }
}
