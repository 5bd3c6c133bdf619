using System.Net;
using AwesomeAssertions;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>Connections whose endpoint is chosen by the hash of the client's address (<c>tcp_proxy</c>'s <c>hash_policy</c>).</summary>
public sealed class TcpHashTests
{
    private const int Clients = 24;

    [Theory]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public async Task Connections_of_one_address_go_to_one_endpoint(LoadBalancingPolicy policy)
    {
        await using var backends = new Backends(4);
        await using var proxy = Start(backends, policy, hashes: true);

        var first = await AllAsync(proxy.Port);
        (await AllAsync(proxy.Port)).Should().Equal(first);
        first.Distinct().Should().HaveCountGreaterThan(1, "not all of them go to one");
    }

    [Fact]
    public async Task An_address_goes_where_http_sends_it()
    {
        await using var backends = new Backends(4);
        await using var proxy = Start(backends, LoadBalancingPolicy.RingHash, hashes: true);
        await using var http = RunningProxy.Start(
            RunningProxy.Everything("backend", static forward => forward with { HashPolicies = [new KubeProxyNet.Proxy.Routing.Hashing.SourceIpHashPolicy()] }), [Cluster(backends, LoadBalancingPolicy.RingHash)]);

        (await AllAsync(http.Port)).Should().Equal(await AllAsync(proxy.Port));
    }

    [Fact]
    public async Task Without_a_policy_one_address_goes_to_several()
    {
        await using var backends = new Backends(4);
        await using var proxy = Start(backends, LoadBalancingPolicy.Maglev, hashes: false);
        var seen = new HashSet<string>(StringComparer.Ordinal);

        // Chosen at random each time: 60 in a row that go to one of four are as likely as nothing.
        for (var i = 0; i < 60 && seen.Count < 2; i++)
        {
            seen.Add(await BackendOfAsync(proxy.Port, IPAddress.Loopback));
        }

        seen.Should().HaveCount(2);
    }

    [Fact]
    public async Task An_endpoint_that_refuses_is_followed_by_the_next_on_the_ring()
    {
        using var dead = DeadPort.Refusing();
        await using var backends = new Backends(1);

        // The next place on the ring is either endpoint's with the same likelihood.
        await using var proxy = Start([dead.Port, .. backends.Ports], LoadBalancingPolicy.RingHash, hashes: true, attempts: 100);

        (await AllAsync(proxy.Port)).Distinct().Should().HaveCount(1);
    }

    [Theory]
    [InlineData("hash_policy: [{source_ip: {}}]", true)]
    [InlineData("idle_timeout: 1s", false)]
    public void The_policy_is_read(string more, bool hashes)
    {
        var problems = new TranslationProblems();
        TcpProxyTranslator.Translate(Message(more), problems, ConfigPath.Root).HashesSourceIp.Should().Be(hashes);
        problems.Found.Should().BeEmpty();
    }

    [Fact]
    public void Only_one_policy_may_stand_there()
    {
        var problems = new TranslationProblems();
        TcpProxyTranslator.Translate(Message("hash_policy: [{source_ip: {}}, {source_ip: {}}]"), problems, ConfigPath.Root);
        problems.Found.Should().ContainSingle().Which.ToString().Should().Be("hash_policy: there are 2 policies; write at most one");
    }

    [Theory]
    [InlineData("hash_policy: [{filter_state: {key: k}}]", "hash_policy[0].filter_state: \"filter_state\" is a field of the xDS API that this proxy does not act on")]
    [InlineData("hash_policy: [{}]", "hash_policy[0]: HashPolicy needs one of source_ip, filter_state")]
    public void What_cannot_be_hashed_by_is_refused(string more, string problem) =>
        ConfigValidator.Check(Message(more)).Should().ContainSingle().Which.ToString().Should().StartWith(problem);

    private static TcpProxy Message(string more) => FromYaml.Message<TcpProxy>($"{{stat_prefix: t, cluster: c, {more}}}");

    private static ClusterSpecification Cluster(Backends backends, LoadBalancingPolicy policy) => Cluster(backends.Ports, policy);

    private static ClusterSpecification Cluster(int[] ports, LoadBalancingPolicy policy)
    {
        var cluster = RunningProxy.Cluster("backend", ports);
        return cluster with { Config = cluster.Config with { LoadBalancing = policy } };
    }

    private static RunningProxy Start(Backends backends, LoadBalancingPolicy policy, bool hashes) => Start(backends.Ports, policy, hashes, attempts: 1);

    private static RunningProxy Start(int[] ports, LoadBalancingPolicy policy, bool hashes, int attempts) => ChainProxy.Start(
        listener => listener with { FilterChains = [ChainProxy.Tcp(listener, "backend", configure: config => config with { HashesSourceIp = hashes, MaxConnectAttempts = attempts })] },
        Cluster(ports, policy));

    private static async Task<string[]> AllAsync(int port)
    {
        var all = new string[Clients];
        for (var i = 0; i < Clients; i++)
        {
            all[i] = await BackendOfAsync(port, new IPAddress(new byte[] { 127, 0, 1, (byte)(i + 1) }));
        }

        return all;
    }

    private static async Task<string> BackendOfAsync(int port, IPAddress from)
    {
        await using var client = await RawHttpClient.ConnectAsync(port, from: from);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        return EchoedRequest.From(await client.ReadResponseAsync()).Backend;
    }

    /// <summary>Backends that say which they are.</summary>
    private sealed class Backends(int count) : IAsyncDisposable
    {
        private readonly ScriptedBackend[] _all = [.. Enumerable.Range(0, count).Select(static _ => ScriptedBackend.Start(BackendScripts.Echo()))];

        public int[] Ports => [.. _all.Select(static backend => backend.Port)];

        public async ValueTask DisposeAsync()
        {
            foreach (var backend in _all)
            {
                await backend.DisposeAsync();
            }
        }
    }
}
