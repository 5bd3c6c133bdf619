using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>Retries by the status in a response's head (Envoy documentation, "x-envoy-retry-grpc-on").</summary>
public sealed class GrpcRetryTests
{
    [Theory]
    [InlineData(RetryOn.GrpcCancelled, 1, true)]
    [InlineData(RetryOn.GrpcDeadlineExceeded, 4, true)]
    [InlineData(RetryOn.GrpcResourceExhausted, 8, true)]
    [InlineData(RetryOn.GrpcInternal, 13, true)]
    [InlineData(RetryOn.GrpcUnavailable, 14, true)]
    [InlineData(RetryOn.GrpcUnavailable, 13, false)]
    [InlineData(RetryOn.GrpcUnavailable, 0, false)]
    [InlineData(RetryOn.ServerError, 14, false)]
    public async Task A_condition_covers_its_status(RetryOn condition, int status, bool isRetried)
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Statuses(status, 0));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { RetryPolicy = new RetryPolicy { RetryOn = condition, BackOffBase = TimeSpan.FromMilliseconds(1) } }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var response = await GrpcTraffic.CallAsync(proxy.Port);

        response.Headers["grpc-status"].Should().Be(isRetried ? "0" : $"{status}");
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(isRetried ? 1 : 0);
    }

    [Theory]
    [InlineData("x-envoy-retry-grpc-on: internal, unavailable", true)]
    [InlineData("x-envoy-retry-grpc-on: cancelled", false)]
    [InlineData("x-envoy-retry-grpc-on: 5xx", false)]
    [InlineData("x-envoy-retry-on: unavailable", false)]
    public async Task A_client_inside_may_ask_for_it_in_its_own_header(string line, bool isRetried)
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Statuses(14, 0));
        await using var proxy = RunningProxy.To(backend.Port, static http => http with { InternalAddresses = [new CidrRange(IPAddress.Parse("127.0.0.0"), 8)] });

        var response = await GrpcTraffic.CallAsync(proxy.Port, line + "\r\n");

        response.Headers["grpc-status"].Should().Be(isRetried ? "0" : "14");
    }
}
