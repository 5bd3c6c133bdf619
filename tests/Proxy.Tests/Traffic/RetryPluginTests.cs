using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Headers that decide on a retry, and where a retry goes (Envoy documentation, "Retry plugin configuration", <c>x-envoy-retriable-header-names</c>).</summary>
public sealed class RetryPluginTests
{
    private static readonly RetryPolicy Quick = new() { RetryOn = RetryOn.ServerError, BackOffBase = TimeSpan.FromMilliseconds(1) };

    [Theory]
    [InlineData("x-again", "x-again: yes", 2)]
    [InlineData("X-Again", "x-again: ", 2)]
    [InlineData("x-again", "x-other: yes", 1)]
    public async Task A_response_with_a_retriable_header_is_asked_for_again(string name, string header, int attempts)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw($"HTTP/1.1 200 OK\r\n{header}\r\ncontent-length: 0\r\n\r\n"));
        await using var proxy = Start(Quick with { RetryOn = RetryOn.RetriableHeaders, RetriableHeaders = [new HeaderMatcher { Name = name }] }, backend.Port);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        backend.Requests.Should().HaveCount(attempts);
    }

    [Theory]
    [InlineData(RetryOn.ServerError, 200, 1)]
    [InlineData(RetryOn.RetriableHeaders, 404, 2)]
    [InlineData(RetryOn.RetriableHeaders, 200, 1)]
    public async Task The_status_can_be_matched_as_a_header_and_only_where_the_condition_is_set(RetryOn on, int status, int attempts)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(status));
        await using var proxy = Start(Quick with { RetryOn = on, RetriableHeaders = [new HeaderMatcher { Name = ":status", Match = new HeaderRange(400, 410) }] }, backend.Port);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(status);
        backend.Requests.Should().HaveCount(attempts);
    }

    [Theory]
    [InlineData("x-may: yes", 2)]
    [InlineData("x-may: no", 1)]
    [InlineData("x-else: yes", 1)]
    public async Task Only_requests_with_a_retriable_header_are_sent_again_where_there_are_any(string header, int attempts)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        var matcher = new HeaderMatcher { Name = "x-may", Match = new HeaderString(StringMatcher.Exact("yes")) };
        await using var proxy = Start(Quick with { RetriableRequestHeaders = [matcher] }, backend.Port);
        (await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}\r\n\r\n")).Status.Should().Be(503);
        backend.Requests.Should().HaveCount(attempts);
    }

    [Theory]
    [InlineData("retriable-headers", "x-a, X-Again", 2)]
    [InlineData("retriable-headers", "x-a,,x-b", 1)]
    [InlineData("5xx", "x-again", 1)]
    public async Task A_client_may_name_retriable_headers(string on, string names, int attempts)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\nx-again: yes\r\ncontent-length: 0\r\n\r\n"));
        await using var proxy = RunningProxy.Start(
            Routes(null), [RunningProxy.Cluster("backend", backend.Port)], static http => http with { UseRemoteAddress = false, InternalAddresses = [new CidrRange(IPAddress.Parse("10.0.0.0"), 8)] });
        var request = $"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 10.0.0.1\r\nx-envoy-retry-on: {on}\r\nx-envoy-retriable-header-names: {names}\r\n\r\n";
        (await RawHttpClient.ExchangeAsync(proxy.Port, request)).Status.Should().Be(200);
        backend.Requests.Should().HaveCount(attempts).And.OnlyContain(static sent => !sent.Headers.Contains("x-envoy-retriable-header-names"));
    }

    [Theory]
    [InlineData(RetryOn.GrpcUnavailable, 14, 2)]
    [InlineData(RetryOn.GrpcUnavailable, 13, 1)]
    [InlineData(RetryOn.GrpcCancelled | RetryOn.GrpcInternal, 13, 2)]
    [InlineData(RetryOn.ServerError, 14, 1)]
    public async Task A_grpc_status_among_the_headers_is_judged(RetryOn on, int status, int attempts)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw($"HTTP/1.1 200 OK\r\ngrpc-status: {status}\r\ncontent-length: 0\r\n\r\n"));
        await using var proxy = Start(Quick with { RetryOn = on }, backend.Port);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        backend.Requests.Should().HaveCount(attempts);
    }

    [Theory]
    [InlineData(true, "canary=true")]
    [InlineData(false, "stage=\"old\"")]
    public async Task A_retry_does_not_go_to_an_endpoint_that_is_to_be_omitted(bool canaries, string label)
    {
        await using var first = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var omitted = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        var policy = canaries
            ? Quick with { OmitsCanaries = true, AvoidsPreviousHosts = true }
            : Quick with { OmittedHosts = [[new MetadataLabel("stage", "\"old\"")]], AvoidsPreviousHosts = true };
        var cluster = RunningProxy.Cluster("backend", first.Port, omitted.Port, good.Port);
        var parts = label.Split('=');
        var metadata = new EndpointMetadata(new Dictionary<string, string[]> { [parts[0]] = ["\"else\"", parts[1]] });
        cluster = cluster with
        {
            Config = cluster.Config with { LoadBalancing = LoadBalancingPolicy.Random },
            Endpoints = [.. cluster.Endpoints.Select(endpoint => endpoint.Address.Port == omitted.Port ? endpoint with { Metadata = metadata } : endpoint)],
        };
        await using var proxy = RunningProxy.Start(Routes(policy with { HostSelectionAttempts = 100 }), [cluster]);
        for (var i = 0; i < 40; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().BeOneOf(200, 503);
        }

        // It is picked for a first attempt all the same, and every retry of one of those goes elsewhere.
        omitted.Requests.Count.Should().BeLessThanOrEqualTo(40);
        omitted.Requests.Should().OnlyContain(static request => request.Headers["x-envoy-attempt-count"] == "1");
        first.Requests.Should().Contain(static request => request.Headers["x-envoy-attempt-count"] == "1");
    }

    [Fact]
    public async Task Retries_leave_the_priorities_that_failed_and_begin_anew_when_none_is_left()
    {
        await using var zero = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var proxy = StartByPriority(Quick with { PriorityUpdateFrequency = 1, NumRetries = 5 }, zero.Port, one.Port, two.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);

        Attempts(zero).Should().Equal("1", "4");
        Attempts(one).Should().Equal("2", "5");
        Attempts(two).Should().Equal("3", "6");
    }

    [Fact]
    public async Task Priorities_change_after_so_many_attempts()
    {
        await using var zero = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var proxy = StartByPriority(Quick with { PriorityUpdateFrequency = 2, NumRetries = 4 }, zero.Port, one.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);

        Attempts(zero).Should().Equal("1", "2", "5");
        Attempts(one).Should().Equal("3", "4");
    }

    private static IEnumerable<string?> Attempts(ScriptedBackend backend) => backend.Requests.Select(static request => request.Headers["x-envoy-attempt-count"]);

    private static RunningProxy StartByPriority(RetryPolicy policy, params int[] ports)
    {
        var cluster = RunningProxy.Cluster("backend", ports);
        return RunningProxy.Start(Routes(policy), [cluster with { Endpoints = [.. cluster.Endpoints.Select(static (endpoint, priority) => endpoint with { Priority = priority })] }]);
    }

    private static RunningProxy Start(RetryPolicy? policy, int port) => RunningProxy.Start(Routes(policy), [RunningProxy.Cluster("backend", port)]);

    private static RouteTable Routes(RetryPolicy? policy) => RouteTable.Compile(
        new RouteConfiguration
        {
            Name = "test",
            VirtualHosts =
            [
                new VirtualHost
                {
                    Name = "all", Domains = ["*"], IncludesAttemptCountInRequest = true,
                    Routes = [new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend"), RetryPolicy = policy } }],
                },
            ],
        },
        KubeProxyNet.Proxy.Config.Re2Syntax.Read);
}
