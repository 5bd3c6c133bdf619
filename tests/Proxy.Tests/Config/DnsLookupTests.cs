using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Tests.Dns;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Dns.DnsReplies;
using static KubeProxyNet.Proxy.Tests.Dns.ScriptedNameserver;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Which addresses a cluster uses (cluster.proto, <c>DnsLookupFamily</c>).</summary>
public sealed class DnsLookupTests : IAsyncDisposable
{
    private readonly ScriptedNameserver _server = new();

    public DnsLookupTests()
    {
        Both("both.test", true, true);
        Both("four.test", true, false);
        Both("six.test", false, true);
        Both("none.test", false, false);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(DnsLookupFamily.Auto, "both.test", "fd00::1")]
    [InlineData(DnsLookupFamily.Auto, "four.test", "10.0.0.1")]
    [InlineData(DnsLookupFamily.V4Preferred, "both.test", "10.0.0.1")]
    [InlineData(DnsLookupFamily.V4Preferred, "six.test", "fd00::1")]
    [InlineData(DnsLookupFamily.V4Only, "both.test", "10.0.0.1")]
    [InlineData(DnsLookupFamily.V4Only, "six.test", "")]
    [InlineData(DnsLookupFamily.V6Only, "both.test", "fd00::1")]
    [InlineData(DnsLookupFamily.V6Only, "four.test", "")]
    [InlineData(DnsLookupFamily.All, "both.test", "10.0.0.1 fd00::1")]
    [InlineData(DnsLookupFamily.All, "four.test", "10.0.0.1")]
    [InlineData(DnsLookupFamily.All, "none.test", "")]
    public async Task The_lookup_family_says_which_addresses_are_used(DnsLookupFamily family, string name, string addresses)
    {
        var answer = await AskAsync(name, family);
        string.Join(' ', answer.Addresses).Should().Be(addresses);
        answer.Status.Should().Be(addresses.Length > 0 ? DnsStatus.Found : DnsStatus.NoData);
    }

    [Theory]
    [InlineData(DnsLookupFamily.Auto)]
    [InlineData(DnsLookupFamily.All)]
    public async Task One_family_will_do_while_the_other_fails(DnsLookupFamily family)
    {
        _server.Set("both.test", DnsRecordType.Aaaa, Code(DnsResponseCode.ServerFailure));
        (await AskAsync("both.test", family)).Addresses.Should().Equal(IPAddress.Parse("10.0.0.1"));
        _server.Set("four.test", DnsRecordType.Aaaa, Code(DnsResponseCode.ServerFailure));
        _server.Set("four.test", DnsRecordType.A, NoData(5, 5));
        (await AskAsync("four.test", family)).Status.Should().Be(DnsStatus.Failed, "nobody knows whether it has none");
    }

    [Fact]
    public async Task A_family_that_is_not_needed_is_not_asked_for()
    {
        await AskAsync("both.test", DnsLookupFamily.Auto);
        await AskAsync("both.test", DnsLookupFamily.V6Only);
        _server.QueriesFor("both.test").Should().BeEmpty();
    }

    private Task<DnsAnswer> AskAsync(string name, DnsLookupFamily family)
    {
        var resolver = new DnsResolver(
            new DnsQueryOptions { Servers = [_server.EndPoint], NoSearch = true }, new SystemNames(TimeProvider.System, "host", "/none/hosts", "/none/resolv.conf"), TimeProvider.System);
        return DnsLookup.ResolveAsync(resolver, name, family, TimeSpan.Zero, CancellationToken.None).WaitAsync(Patience.Limit);
    }

    private void Both(string name, bool hasV4, bool hasV6)
    {
        _server.Set(name, DnsRecordType.A, hasV4 ? Records(Address(name, "10.0.0.1")) : NoData(5, 5));
        _server.Set(name, DnsRecordType.Aaaa, hasV6 ? Records(Address(name, "fd00::1")) : NoData(5, 5));
    }
}
