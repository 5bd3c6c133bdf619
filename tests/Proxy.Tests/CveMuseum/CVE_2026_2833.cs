using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Pingora passed everything behind a request with an Upgrade field on to the backend, before, and even though, the backend had not agreed.</summary>
public sealed class CVE_2026_2833
{
    private const string Upgrade = "GET /one HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n";

    [Fact]
    public async Task What_follows_an_upgrade_that_was_refused_reaches_nobody()
    {
        await using var exhibit = Exhibit.Open(configure: static http => http with { Upgrades = [new UpgradeConfig("foo")] });

        var answers = await exhibit.SendAsync(Upgrade + Exhibit.Smuggled);

        answers.Should().Equal(200);
        exhibit.Arrived.Should().Equal("GET /one");
        (await RawHttpClient.GetAsync(exhibit.Proxy.Port, "/two")).Status.Should().Be(200);
        exhibit.Arrived.Should().Equal("GET /one", "GET /two");
    }

    [Fact]
    public async Task What_follows_an_upgrade_that_is_not_served_is_no_tunnel()
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync(Upgrade + Exhibit.Smuggled + Exhibit.Last);

        answers.Should().HaveElementAt(0, 403);
        exhibit.Arrived.Should().NotContain("GET /one").And.HaveCount(answers.Count - 1, "nothing arrives that is not a request of its own, with its own answer");
    }
}
