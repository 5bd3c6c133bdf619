using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Requests that a hash leads to their endpoint, seen from both ends.</summary>
public sealed class HashRoutingTests
{
    private static async Task<ScriptedBackend[]> StartAsync(int count) => [.. await Task.WhenAll(Enumerable.Range(0, count).Select(static _ => Task.FromResult(ScriptedBackend.Start(BackendScripts.Echo()))))];

    private static RunningProxy Proxy(ScriptedBackend[] backends, LoadBalancingPolicy policy, params HashPolicy[] policies)
    {
        var cluster = RunningProxy.Cluster("backend", [.. backends.Select(static backend => backend.Port)]);
        return RunningProxy.Start(
            RunningProxy.Everything("backend", forward => forward with { HashPolicies = [.. policies] }),
            [cluster with { Config = cluster.Config with { LoadBalancing = policy } }]);
    }

    private static async Task<string> BackendOf(int port, string lines) =>
        EchoedRequest.From(await RawHttpClient.ExchangeAsync(port, $"GET / HTTP/1.1\r\nhost: h\r\n{lines}\r\n")).Backend;

    private static async ValueTask EndAsync(ScriptedBackend[] backends)
    {
        foreach (var backend in backends)
        {
            await backend.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public async Task Requests_with_the_same_header_go_to_the_same_endpoint(LoadBalancingPolicy policy)
    {
        var backends = await StartAsync(4);
        await using (var proxy = Proxy(backends, policy, new HeaderHashPolicy("x-user", null)))
        {
            var users = Enumerable.Range(0, 24).Select(static i => $"x-user: user-{i}\r\n").ToArray();
            var first = await Task.WhenAll(users.Select(user => BackendOf(proxy.Port, user)));
            var second = await Task.WhenAll(users.Select(user => BackendOf(proxy.Port, user)));

            second.Should().Equal(first);
            first.Distinct().Should().HaveCountGreaterThan(1, "not all of them go to one");
        }

        await EndAsync(backends);
    }

    [Fact]
    public async Task A_client_gets_a_cookie_that_leads_it_back()
    {
        var backends = await StartAsync(5);
        await using (var proxy = Proxy(backends, LoadBalancingPolicy.RingHash, new CookieHashPolicy("lb") { Ttl = TimeSpan.FromSeconds(100), Path = "/" }))
        {
            for (var client = 0; client < 5; client++)
            {
                var response = await RawHttpClient.GetAsync(proxy.Port);
                var cookie = response.Headers["set-cookie"];
                cookie.Should().MatchRegex("^lb=\"[0-9a-f]{16}\"; Max-Age=100; Path=/; HttpOnly$");

                var again = await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: h\r\ncookie: {cookie!.Split(';')[0]}\r\n\r\n");

                EchoedRequest.From(again).Backend.Should().Be(EchoedRequest.From(response).Backend);
                again.Headers["set-cookie"].Should().BeNull("the client has it already");
            }
        }

        await EndAsync(backends);
    }

    [Fact]
    public async Task All_requests_of_a_connection_get_the_same_cookie_and_no_other_request_does()
    {
        var backends = await StartAsync(1);
        await using (var proxy = Proxy(backends, LoadBalancingPolicy.Maglev, new CookieHashPolicy("lb") { Ttl = TimeSpan.Zero }))
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
            var first = await client.ReadResponseAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
            var second = await client.ReadResponseAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\ncookie: lb=mine\r\n\r\n");

            second.Headers["set-cookie"].Should().Be(first.Headers["set-cookie"]).And.StartWith("lb=");
            (await client.ReadResponseAsync()).Headers["set-cookie"].Should().BeNull();
        }

        await EndAsync(backends);
    }

    [Fact]
    public async Task A_cluster_that_does_not_choose_by_hash_gives_no_cookie()
    {
        var backends = await StartAsync(1);
        await using (var proxy = Proxy(backends, LoadBalancingPolicy.RoundRobin, new CookieHashPolicy("lb") { Ttl = TimeSpan.Zero }))
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Headers["set-cookie"].Should().BeNull();
        }

        await EndAsync(backends);
    }
}
