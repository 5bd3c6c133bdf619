using System.Runtime.CompilerServices;
using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.ControlPlane.Tests;

public sealed class QuickstartTests
{
    [Fact]
    public void Every_manifest_of_the_quickstart_is_good_but_for_the_certificate_that_is_made_at_its_start() =>
        ManifestValidation.Validate(Folder()).Should().ContainSingle().Which.Reason.Should().Be(DiagnosticReason.NoCertificate);

    [Fact]
    public void The_quickstart_routes_to_the_demo_backends_of_this_machine()
    {
        var (objects, _) = ManifestLoading.Load(Folder(), TimeProvider.System);

        var model = new Translator(new TranslationOptions()).Translate(objects.Current).Model;

        model.RouteTables[0].VirtualHosts.Select(host => host.Host.ToString()).Should().Equal("demo.localhost", "secure.localhost", "*");
        model.Backends.SelectMany(backend => backend.Endpoints).Select(endpoint => $"{endpoint.Address}:{endpoint.Port}")
            .Should().Equal("127.0.0.1:18082", "127.0.0.1:18081");
    }

    [Fact]
    public void The_proxy_acts_on_everything_that_the_quickstart_sends_it()
    {
        var (objects, _) = ManifestLoading.Load(Folder(), TimeProvider.System);
        var emitted = new Emitter().Emit(new Translator(new TranslationOptions { AccessLog = true }).Translate(objects.Current).Model);

        emitted.Changed.Select(static resource => ResourceChecker.Check(resource.Body)).SelectMany(static resource => resource.Problems).Should().BeEmpty();
    }

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "config", "quickstart"));
}
