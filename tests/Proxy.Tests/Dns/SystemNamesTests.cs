using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Dns;

/// <summary>What the machine says of names: resolv.conf(5), hosts(5), RFC 6761.</summary>
public sealed class SystemNamesTests
{
    [Fact]
    public void A_configuration_of_a_pod_is_read()
    {
        var conf = ResolvConf.Parse("""
            # made by the kubelet
            search app.svc.cluster.local svc.cluster.local cluster.local
            nameserver 10.96.0.10
            nameserver fd00::a
            options ndots:5 timeout:2 attempts:3 rotate
            """);
        conf.Servers.Should().Equal(IPEndPoint.Parse("10.96.0.10:53"), IPEndPoint.Parse("[fd00::a]:53"));
        conf.Search!.Value.Should().Equal("app.svc.cluster.local", "svc.cluster.local", "cluster.local");
        conf.Dots.Should().Be(5);
        conf.Timeout.Should().Be(TimeSpan.FromSeconds(2));
        conf.Attempts.Should().Be(3);
        conf.Rotate.Should().BeTrue();
    }

    [Fact]
    public void Values_are_bounded_as_in_the_C_library()
    {
        var conf = ResolvConf.Parse("options ndots:99 timeout:99 attempts:99\nnameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n");
        conf.Dots.Should().Be(15);
        conf.Timeout.Should().Be(TimeSpan.FromSeconds(30));
        conf.Attempts.Should().Be(5);
        conf.Servers.Should().HaveCount(3);
    }

    [Theory]
    [InlineData("domain a.test\nsearch b.test c.test", "b.test c.test")]
    [InlineData("search b.test c.test\ndomain a.test", "a.test")]
    [InlineData("search .", "")]
    [InlineData("search Up.Test.", "up.test")]
    public void The_last_line_with_domains_holds(string text, string domains) => string.Join(' ', ResolvConf.Parse(text).Search!.Value).Should().Be(domains);

    [Theory]
    [InlineData("")]
    [InlineData("nameserver\nnameserver here\noptions ndots:x timeout: attempts rotated\n;nameserver 1.1.1.1\n\0\n")]
    public void What_cannot_be_read_is_passed_over(string text) => ResolvConf.Parse(text).Should().Be(ResolvConf.Empty);

    [Fact]
    public void A_hosts_file_is_read()
    {
        var hosts = HostsFile.Parse("127.0.0.1 localhost\n10.0.0.1\tA.test a # b.test\n::1 a.test\nx c.test\n10.0.0.2\n");
        hosts.Find("a.test")!.Value.Should().Equal(IPAddress.Parse("10.0.0.1"), IPAddress.IPv6Loopback);
        hosts.Find("a")!.Value.Should().ContainSingle();
        hosts.Find("b.test").Should().BeNull();
        hosts.Find("c.test").Should().BeNull();
    }

    [Theory]
    [InlineData("db", 1, "db.a.test db.b.test db")]
    [InlineData("db.x", 1, "db.x db.x.a.test db.x.b.test")]
    [InlineData("db.x", 5, "db.x.a.test db.x.b.test db.x")]
    [InlineData("db.x.", 5, "db.x")]
    public void A_short_name_is_looked_for_in_the_domains_first(string name, int dots, string names) =>
        string.Join(' ', SearchList.Expand(name, DnsName.Parse(name)!, ["a.test", "b.test"], dots)).Should().Be(names);

    [Fact]
    public void A_name_that_gets_too_long_in_a_domain_is_not_in_it()
    {
        var name = string.Join('.', Enumerable.Repeat(new string('a', 60), 4));
        SearchList.Expand(name, name, ["longer-than-that.test"], 9).Should().Equal(name);
    }

    [Theory]
    [InlineData("localhost", DnsRecordType.A, DnsStatus.Found)]
    [InlineData("app.localhost", DnsRecordType.Aaaa, DnsStatus.Found)]
    [InlineData("app.invalid", DnsRecordType.A, DnsStatus.NoSuchName)]
    [InlineData("hidden.onion", DnsRecordType.A, DnsStatus.NoSuchName)]
    public void Special_names_are_known(string name, object type, object status) => SpecialNames.Find(name, (DnsRecordType)type)!.Status.Should().Be((DnsStatus)status);

    [Theory]
    [InlineData("notlocalhost")]
    [InlineData("localhost.test")]
    public void Names_like_special_ones_are_not(string name) => SpecialNames.Find(name, DnsRecordType.A).Should().BeNull();

    [Fact]
    public void Files_that_change_are_read_again_a_second_later()
    {
        using var folder = new TempFolder();
        var clock = new TimerClock();
        var names = new SystemNames(clock, "host.own.test", folder.File("hosts"), folder.File("resolv.conf"));
        names.Hosts.Find("a.test").Should().BeNull();
        names.Conf.Servers.Should().BeEmpty();
        names.OwnDomain.Should().Equal("own.test");

        folder.Write("hosts", "10.0.0.1 a.test\n");
        folder.Write("resolv.conf", "nameserver 10.0.0.10\n");
        names.Hosts.Find("a.test").Should().BeNull("it was looked at within this second");
        clock.Advance(TimeSpan.FromSeconds(1));
        names.Hosts.Find("a.test")!.Value.Should().ContainSingle();
        names.Conf.Servers.Should().ContainSingle();

        File.Delete(folder.File("hosts"));
        clock.Advance(TimeSpan.FromSeconds(1));
        names.Hosts.Find("a.test").Should().BeNull();
    }
}
