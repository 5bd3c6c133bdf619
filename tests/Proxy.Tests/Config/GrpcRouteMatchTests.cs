using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tests.Routing;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Routes with <c>grpc</c> in their match are for gRPC alone.</summary>
public sealed class GrpcRouteMatchTests
{
    private static readonly RouteTable Table = RouteConfigurationTranslator.Translate(
        FromYaml.Message<RouteConfigurationMessage>(
            "{name: r, virtual_hosts: [{name: h, domains: ['*'], routes: [{name: calls, match: {prefix: /, grpc: {}}, route: {cluster: calls}}, {match: {prefix: /}, route: {cluster: rest}}]}]}"),
        new TranslationProblems())!;

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpc-web+proto", false)]
    [InlineData("application/grpc;charset=utf-8", false)]
    [InlineData("Application/grpc", false)]
    [InlineData("text/application/grpc", false)]
    [InlineData("", false)]
    public void A_call_is_told_by_its_content_type(string type, bool isCall) =>
        Table.Cluster(RequestHeads.Create("POST", "/shop.Cart/Add", "h", $"content-type: {type}")).Should().Be(isCall ? "calls" : "rest");

    [Fact]
    public void A_request_without_content_type_is_no_call() => Table.Cluster(RequestHeads.Get("http://h/shop.Cart/Add")).Should().Be("rest");

    [Fact]
    public void What_the_route_wants_is_explained()
    {
        var trace = new RecordingTrace();
        Table.TryMatch(RequestHeads.Get("http://h/shop.Cart/Add"), RuntimeValues.Empty, 99, ref trace, out _);
        trace.Steps.Select(static step => step.Text).Should().ContainMatch("route h[0] calls skipped: header content-type regex 'application/grpc*");
    }
}
