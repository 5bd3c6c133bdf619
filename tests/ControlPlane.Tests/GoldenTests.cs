using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using AwesomeAssertions;
using Google.Protobuf;
using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Serving;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>
/// Every folder below Golden is a case: its manifests go in, <c>expected.txt</c> is the model and the diagnostics that come out, and
/// <c>resources.json</c>, where the file exists, what goes over the wire. With KPN_UPDATE_GOLDEN=1 both are written instead of compared.
/// </summary>
public sealed class GoldenTests
{
    private static readonly bool Update = Environment.GetEnvironmentVariable("KPN_UPDATE_GOLDEN") == "1";

    public static TheoryData<string> Cases() => [.. Directory.GetDirectories(Folder()).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Manifests_become_the_expected_model_and_resources(string name)
    {
        var folder = Path.Combine(Folder(), name);
        var (objects, diagnostics) = Load(folder);
        var result = new Translator(new TranslationOptions()).Translate(objects.Current);
        var emitted = new Emitter().Emit(result.Model);

        Compare(Path.Combine(folder, "expected.txt"), ModelText.Write(result.Model, [.. diagnostics, .. result.Diagnostics]));
        emitted.FindDanglingNames().Should().BeEmpty();
        emitted.Changed.SelectMany(resource => ConfigValidator.Check(Unpack(resource))).Should().BeEmpty("our own proxy has to take every resource");
        if (File.Exists(Path.Combine(folder, "resources.json")))
        {
            Compare(Path.Combine(folder, "resources.json"), ResourceText.Write(emitted.Snapshot));
        }
    }

    private static (ObjectStore Objects, ImmutableArray<Diagnostic> Diagnostics) Load(string folder)
    {
        var files = Directory.GetFiles(folder).Where(file => Path.GetFileName(file) is not ("expected.txt" or "resources.json"));
        var manifests = new ManifestSet();
        var objects = new ObjectStore(TimeProvider.System);
        objects.Apply(manifests.Apply(files.Select(file =>
            new KeyValuePair<string, ManifestContent?>(Path.GetFileName(file), ManifestReader.Parse(Path.GetFileName(file), File.ReadAllBytes(file))))));
        return (objects, manifests.Diagnostics);
    }

    private static IMessage Unpack(XdsResource resource) => resource.Body.Unpack(XdsTypes.Registry);

    private static void Compare(string file, string actual)
    {
        if (Update)
        {
            File.WriteAllText(file, actual);
        }

        actual.Should().Be(File.ReadAllText(file), $"that is what {file} says");
    }

    private static string Folder([CallerFilePath] string thisFile = "") => Path.Combine(Path.GetDirectoryName(thisFile)!, "Golden");
}
