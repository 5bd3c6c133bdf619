using AwesomeAssertions;
using KubeProxyNet.Testing.Certificates;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>A connection is for the names of its filter chain: what another chain demands cannot be passed by with another Host (RFC 9110 section 15.5.20).</summary>
public sealed class MisdirectedRequestTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("open.test", "open.test", 200)]
    [InlineData("open.test", "OPEN.test:8443", 200)]
    [InlineData("open.test", "closed.test", 421)]
    [InlineData("open.test", "CLOSED.test.:443", 421)]
    [InlineData("open.test", "any.wild.test", 421)]
    [InlineData("open.test", "unknown.test", 200)]
    [InlineData("unknown.test", "closed.test", 421)]
    [InlineData("unknown.test", "elsewhere.test", 200)]
    [InlineData("any.wild.test", "other.wild.test", 200)]
    public async Task An_authority_of_another_chain_is_misdirected(string name, string host, int status)
    {
        await using var proxy = await StartAsync();

        (await proxy.GetAsync(name, host: host)).Status.Should().Be(status);
    }

    [Fact]
    public async Task A_name_too_long_to_be_one_belongs_to_no_connection()
    {
        await using var proxy = await StartAsync();

        (await proxy.GetAsync("open.test", host: $"{new string('a', 300)}.wild.test")).Status.Should().Be(421);
    }

    [Fact]
    public async Task What_the_chain_for_all_other_names_demands_cannot_be_passed_by_either()
    {
        var leaf = _root.Issue(null, "open.test");
        await using var proxy = await TlsProxy.StartAsync(Listener(string.Join(
            ',', Chain(TlsContext(leaf), "open", ["open.test"], routes: Says("open")), Chain(TlsContext(leaf, validation: Trust(_root.Pem)), "rest", routes: Says("rest")))));

        (await proxy.GetAsync("open.test", host: "internal.test")).Status.Should().Be(421);
        (await proxy.GetAsync("internal.test", _root.Issue(null, "client.test"))).Status.Should().Be(200);
    }

    [Fact]
    public async Task The_connection_goes_on_and_the_next_request_is_judged_anew()
    {
        await using var proxy = await StartAsync();
        await using var client = await proxy.ConnectAsync("closed.test", _root.Issue(null, "client.test"));
        var statuses = new List<int>();
        foreach (var host in (string[])["closed.test", "open.test", "closed.test", "open.test"])
        {
            await client.SendAsync($"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
            statuses.Add((await client.ReadResponseAsync()).Status);
        }

        statuses.Should().Equal(200, 421, 200, 421);
    }

    private Task<TlsProxy> StartAsync()
    {
        var leaf = _root.Issue(null, "open.test", "closed.test", "*.wild.test");
        return TlsProxy.StartAsync(Listener(string.Join(
            ',',
            Chain(TlsContext(leaf), "open", ["open.test"], routes: Says("open")),
            Chain(TlsContext(leaf, validation: Trust(_root.Pem)), "closed", ["closed.test"], routes: Says("closed")),
            Chain(TlsContext(leaf), "wild", ["'*.wild.test'"], routes: Says("wild")),
            Chain(TlsContext(leaf), "rest", routes: Says("rest")))));
    }
}
