using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>The cost of a change is that of what changed: everything else is the same reference, neither translated nor serialised again.</summary>
public sealed class IncrementalTests
{
    private readonly ObjectStore _objects = new(TimeProvider.System);
    private readonly Translator _translator = new(new TranslationOptions());
    private readonly Emitter _emitter = new();

    [Theory]
    [InlineData(10)]
    [InlineData(10_000)]
    public void One_changed_endpoint_among_many_Services_is_one_changed_resource(int services)
    {
        _objects.Apply([.. Cluster(services)]);
        var before = Emit();
        before.Snapshot[XdsTypeUrls.Cluster].ByName.Should().HaveCount(services);

        _objects.Apply([Change(Slice(services / 2, "10.9.9.9"))]);
        var now = Emit();

        now.Changed.Should().ContainSingle().Which.Name.Should().Be($"default/s{services / 2}/80");
        now.Changed[0].TypeUrl.Should().Be(XdsTypeUrls.ClusterLoadAssignment);
        now.Removed.Should().BeEmpty();
        foreach (var typeUrl in new[] { XdsTypeUrls.Listener, XdsTypeUrls.RouteConfiguration, XdsTypeUrls.Cluster })
        {
            now.Snapshot[typeUrl].Should().BeSameAs(before.Snapshot[typeUrl]);
        }

        var assignments = before.Snapshot[XdsTypeUrls.ClusterLoadAssignment].ByName;
        now.Snapshot[XdsTypeUrls.ClusterLoadAssignment].ByName.Where(entry => !ReferenceEquals(entry.Value, assignments[entry.Key])).Should().ContainSingle();
        now.Snapshot.Validate().Should().BeEmpty();
    }

    [Fact]
    public void A_change_that_means_nothing_to_the_proxy_changes_no_resource()
    {
        _objects.Apply([.. Cluster(10)]);
        var before = Emit();

        var slice = Slice(3, "10.0.0.3");
        _objects.Apply([Change(slice with { Metadata = slice.Metadata with { Annotations = [new NamedValue("touched", "yes")] } })]);

        Emit().Snapshot.Should().BeSameAs(before.Snapshot);
    }

    [Fact]
    public void A_Service_that_goes_takes_its_resources_along_when_no_route_names_it()
    {
        _objects.Apply([.. Cluster(2)]);
        Emit();

        _objects.Apply([new ObjectChange(new ObjectKey(Ingress.KindName, new ObjectName("default", "all")), null)]);
        var now = Emit();

        now.Removed.Should().HaveCount(4);
        now.FindDanglingNames().Should().BeEmpty();
        now.Snapshot[XdsTypeUrls.Cluster].ByName.Should().BeEmpty();
    }

    [Fact]
    public void An_equal_model_has_equal_versions_in_another_process()
    {
        _objects.Apply([.. Cluster(3)]);
        var here = Emit().Snapshot;
        var elsewhere = new Emitter().Emit(new Translator(new TranslationOptions()).Translate(_objects.Current).Model).Snapshot;

        XdsTypeUrls.InServingOrder.Select(typeUrl => elsewhere[typeUrl].Version).Should().Equal(XdsTypeUrls.InServingOrder.Select(typeUrl => here[typeUrl].Version));
    }

    private Emitted Emit() => _emitter.Emit(_translator.Translate(_objects.Current).Model);

    private static IEnumerable<ObjectChange> Cluster(int services)
    {
        var paths = new List<HttpIngressPath>();
        for (var i = 0; i < services; i++)
        {
            yield return Change(new Service(Meta($"s{i}"), new ServiceSpec { Ports = [new ServicePort("", 80, "TCP", null, null)] }));
            yield return Change(Slice(i, $"10.0.{i / 250}.{i % 250}"));
            paths.Add(new HttpIngressPath($"/{i}", PathType.Prefix, new IngressBackend(new IngressServiceBackend($"s{i}", new PortReference(null, 80)), null, 1), 1));
        }

        yield return Change(new Ingress(Meta("all"), new IngressSpec { Rules = [new IngressRule("many.example.com", paths.ToValueList(), 1)] }));
    }

    private static EndpointSlice Slice(int service, string address) => new(
        Meta($"s{service}-1") with { Labels = [new NamedValue(EndpointSlice.ServiceNameLabel, $"s{service}")] },
        AddressType.IPv4,
        [new SliceEndpoint([address], default)],
        [new EndpointPort("", 8080, "TCP", null)]);

    private static ObjectMeta Meta(string name) => new("default", name, new SourceLocation("m.yaml", 1));

    private static ObjectChange Change(KubernetesObject item) => new(item.Key, item);
}
