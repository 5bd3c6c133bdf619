using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Ingresses;

/// <summary>The whole path with curl at its end: manifests, control plane, xDS over gRPC, proxy, backends.</summary>
public sealed class IngressTests
{
    [Fact]
    public async Task Hosts_and_paths_lead_to_their_services()
    {
        var curl = Requires.Tool("curl");
        await using var web = ScriptedBackend.Start(BackendScripts.Echo(), "web");
        await using var api = ScriptedBackend.Start(BackendScripts.Echo(), "api");
        await using var wild = ScriptedBackend.Start(BackendScripts.Echo(), "wild");
        await using var planes = await SeparatePlanes.StartAsync(
            ("web.yaml", string.Join("\n---\n", Manifests.Service("web"), Manifests.EndpointSlices("web", web.Port))),
            ("api.yaml", string.Join("\n---\n", Manifests.Service("api"), Manifests.EndpointSlices("api", api.Port))),
            ("wild.yaml", Manifests.Application("wild", "*.shop.test", wild.Port)),
            ("none.yaml", string.Join("\n---\n", Manifests.Service("none"), Manifests.NoEndpoints("none"))),
            ("ingress.yaml", Manifests.Ingress("shop", "shop.test", ("/", "web"), ("/api", "api"), ("/none", "none"), ("/missing", "missing"))));

        async Task<string> AskAsync(string url, params string[] more)
        {
            var host = new Uri(url).Host;
            var result = await ChildProcess.RunAsync(
                curl, ["-sS", "--noproxy", "*", "-w", "\n%{http_code}", "--resolve", $"{host}:{planes.HttpPort}:127.0.0.1", .. more, url]);
            result.ExitCode.Should().Be(0, result.Error);
            var (body, status) = (result.Output[..result.Output.TrimEnd('\n').LastIndexOf('\n')], result.Output.TrimEnd('\n')[^3..]);
            return status == "200" ? $"200 {EchoedRequest.FromJson(body).Backend} {EchoedRequest.FromJson(body).Target}" : status;
        }

        string Url(string host, string path) => $"http://{host}:{planes.HttpPort}{path}";

        (await AskAsync(Url("shop.test", "/"))).Should().Be("200 web /");
        (await AskAsync(Url("shop.test", "/any/thing?x=1"))).Should().Be("200 web /any/thing?x=1");
        (await AskAsync(Url("shop.test", "/api"))).Should().Be("200 api /api");
        (await AskAsync(Url("shop.test", "/api/v1"))).Should().Be("200 api /api/v1");
        (await AskAsync(Url("shop.test", "/apis"))).Should().Be("200 web /apis", "prefixes match whole path elements");
        (await AskAsync(Url("SHOP.test", "/api"))).Should().Be("200 api /api");
        (await AskAsync(Url("a.shop.test", "/api"))).Should().Be("200 wild /api");
        (await AskAsync(Url("a.b.shop.test", "/"))).Should().Be("404", "a wildcard stands for one label");
        (await AskAsync(Url("other.test", "/"))).Should().Be("404");
        (await AskAsync(Url("shop.test", "/none"))).Should().Be("503", "no EndpointSlice backs the port");
        (await AskAsync(Url("shop.test", "/missing"))).Should().Be("503", "there is no such Service");
        (await AskAsync(Url("shop.test", "//x/..//api/%76%31"), "--path-as-is")).Should().Be("200 api /api/v1", "what is matched is what is forwarded");
        (await AskAsync(Url("shop.test", "/x/..%2fapi"), "--path-as-is")).Should().Be("400");
        (await AskAsync(Url("shop.test", "/../api"), "--path-as-is")).Should().Be("400");
        (await AskAsync(Url("shop.test", "/api"), "-H", "x_user: root")).Should().Be("400");
        api.Requests[^1].Headers["x-envoy-external-address"].Should().Be("127.0.0.1");
        (await AskAsync(Url("shop.test", "/api"), "-X", "POST", "-d", "a=b")).Should().Be("200 api /api");
        (await AskAsync(Url("shop.test", "/api"), "-X", "POST", "-H", "transfer-encoding: chunked", "-d", "a=b")).Should().Be("200 api /api");
        api.Requests.TakeLast(2).Should().OnlyContain(static request => request.BodyText == "a=b");
    }

    [Fact]
    public async Task Objects_that_come_and_go_at_run_time_change_what_is_routed()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var planes = await SeparatePlanes.StartAsync(("first.yaml", Manifests.Application("first", "first.test", backend.Port)));
        (await planes.GetAsync("first.test")).Status.Should().Be(200);
        (await planes.GetAsync("second.test")).Status.Should().Be(404);

        planes.Folder.Replace("ingress.yaml", Manifests.Ingress("second", "second.test", ("/", "second")));
        await planes.WaitForStatusAsync(503, "second.test");
        planes.Folder.Replace("service.yaml", Manifests.Service("second"));
        planes.Folder.Replace("slices.yaml", Manifests.EndpointSlices("second", backend.Port));
        await planes.WaitForStatusAsync(200, "second.test");
        planes.Folder.Delete("slices.yaml");
        await planes.WaitForStatusAsync(503, "second.test");
        planes.Folder.Delete("ingress.yaml");
        await planes.WaitForStatusAsync(404, "second.test");
        planes.Folder.Delete("first.yaml");
        await planes.WaitForStatusAsync(404, "first.test");
    }

    [Fact]
    public async Task A_manifest_that_becomes_wrong_harms_nothing_and_is_told_of()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var planes = await SeparatePlanes.StartAsync(("web.yaml", Manifests.Application("web", "web.test", backend.Port)));

        planes.Folder.Replace("web.yaml", "kind: [");
        (await planes.ControlPlane.WaitForLineAsync("web.yaml:")).Should().Contain("error");
        planes.Folder.Replace("other.yaml", Manifests.Application("other", "other.test", backend.Port));
        await planes.WaitForStatusAsync(200, "other.test");
        (await planes.GetAsync("web.test")).Status.Should().Be(200);

        planes.Folder.Replace("web.yaml", Manifests.Application("web", "renamed.test", backend.Port));
        await planes.WaitForStatusAsync(200, "renamed.test");
        (await planes.GetAsync("web.test")).Status.Should().Be(404);
    }

    [Fact]
    public async Task One_changed_endpoint_slice_among_a_thousand_services_is_used_soon_and_alone()
    {
        await using var before = ScriptedBackend.Start(BackendScripts.Echo(), "before");
        await using var after = ScriptedBackend.Start(BackendScripts.Echo(), "after");
        var manifests = Enumerable.Range(0, 1000).SelectMany(i => new[]
        {
            ($"service-{i}.yaml", string.Join("\n---\n", Manifests.Service($"s{i}"), Manifests.Ingress($"s{i}", $"s{i}.test", ("/", $"s{i}")))),
            ($"slice-{i}.yaml", Manifests.EndpointSlices($"s{i}", before.Port)),
        });
        await using var planes = await SeparatePlanes.StartAsync([.. manifests]);
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "s500.test");
        await traffic.WaitForMoreAsync(50);

        var stopwatch = System.Diagnostics.Stopwatch.StartNew();
        planes.Folder.Replace("slice-500.yaml", Manifests.EndpointSlices("s500", after.Port));
        await traffic.WaitForAsync(static response => response.BodyText.Contains("\"after\"", StringComparison.Ordinal));
        TestContext.Current.SendDiagnosticMessage("from the file to the first answer of the new endpoint: {0} ms", stopwatch.ElapsedMilliseconds);
        TestContext.Current.TestOutputHelper!.WriteLine($"from the file to the first answer of the new endpoint: {stopwatch.ElapsedMilliseconds} ms");

        Ledger.ShouldBalance(await traffic.StopAsync(), before, after);
        planes.ControlPlane.Error.Should().Contain("resources changed: 1, gone: 0", "one slice is one resource");
        (await planes.GetAsync("s499.test")).BodyText.Should().Contain("\"before\"");
    }
}
