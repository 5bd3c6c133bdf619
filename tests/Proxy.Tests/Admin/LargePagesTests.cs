using System.Collections.Concurrent;
using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Admin;

/// <summary>Pages of statistics that are larger than what sockets take.</summary>
public sealed class LargePagesTests : IAsyncLifetime
{
    private const int Counters = 60_000;

    private readonly TimerClock _clock = new();
    private readonly StatRegistry _stats = new();
    private readonly ConcurrentQueue<bool> _made = new();
    private AdminServer _server = null!;
    private volatile bool _isOver;

    public async ValueTask InitializeAsync()
    {
        for (var i = 0; i < Counters; i++)
        {
            _stats.Counter($"cluster.{new string('x', 200)}-{i}.upstream_rq_total");
        }

        // Read whenever a page is made.
        _stats.Observe("watched", () =>
        {
            _made.Enqueue(_isOver);
            return 0;
        });
        _server = await AdminServer.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), _stats, new SampleProxy(), new SampleProxy(), _clock);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("/stats", true)]
    [InlineData("/stats?format=json", false)]
    [InlineData("/stats/prometheus", true)]
    public async Task One_is_made_after_the_other_and_who_does_not_read_his_is_cut_off(string page, bool isCutOff)
    {
        await using var idle = await RawHttpClient.ConnectAsync(_server.Address.Port, receiveBuffer: 4096);
        await idle.SendAsync($"GET {page} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        await Patience.UntilAsync(() => _clock.Timers == 1 && !_made.IsEmpty, "the beginning of the first page");
        var second = RawHttpClient.GetAsync(_server.Address.Port, page);

        for (var i = 0; i < 20; i++)
        {
            (await RawHttpClient.GetAsync(_server.Address.Port, "/ready")).Status.Should().Be(200, "small pages wait for nobody");
        }

        _isOver = true;
        if (isCutOff)
        {
            _clock.Advance(LargePages.Deadline + TimeSpan.FromSeconds(1));
        }
        else
        {
            idle.Reset();
        }

        var whole = await second;
        whole.Status.Should().Be(200);
        whole.BodyText.Should().Contain($"-{Counters - 1}");
        _made.Should().Equal(false, true);
    }

    [Fact]
    public async Task One_that_is_read_comes_whole()
    {
        var lines = (await RawHttpClient.GetAsync(_server.Address.Port, "/stats")).BodyText.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        lines.Should().HaveCount(Counters + 1).And.BeInAscendingOrder(StringComparer.Ordinal);
        (await RawHttpClient.GetAsync(_server.Address.Port, "/stats?filter=-59999%5C.")).BodyText.Should().EndWith("-59999.upstream_rq_total: 0\n").And.NotContain("-59998");
    }
}
