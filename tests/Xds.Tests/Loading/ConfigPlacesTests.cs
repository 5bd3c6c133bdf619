using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Tests.Loading;

public sealed class ConfigPlacesTests
{
    private static readonly ConfigPlaces Places = ConfigLoader.Parse<Bootstrap>(
        "envoy.yaml",
        """
        node: {id: n}
        staticResources:
          clusters:
          - name: a
            type: STATIC
            loadAssignment:
              cluster_name: a
        """u8).Places!;

    private static string ErrorAt(ConfigPath path) => Places.ErrorOf(new ConfigProblem(ConfigProblemKind.Invalid, path, "is wrong", "correct it")).ToString();

    [Fact]
    public void A_problem_that_shows_later_has_its_line_whichever_way_names_are_spelt() =>
        ErrorAt(ConfigPath.Root.Field("static_resources").Field("clusters").Index(0).Field("load_assignment"))
            .Should().Be("envoy.yaml:6: static_resources.clusters[0].load_assignment: is wrong; correct it");

    [Fact]
    public void A_problem_with_what_is_missing_has_the_line_of_what_lacks_it() =>
        ErrorAt(ConfigPath.Root.Field("static_resources").Field("clusters").Index(0).Field("transport_socket").Field("name"))
            .Should().Be("envoy.yaml:4: static_resources.clusters[0].transport_socket.name: is wrong; correct it");

    [Fact]
    public void A_path_can_be_put_under_another() =>
        ConfigPath.Root.Field("a").Index(1).Key("k").Under(ConfigPath.Root.Field("x").Index(2)).ToString().Should().Be("x[2].a[1][\"k\"]");
}
