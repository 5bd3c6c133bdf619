using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Dns.DnsReplies;
using static KubeProxyNet.Proxy.Tests.Dns.ScriptedNameserver;

namespace KubeProxyNet.Proxy.Tests.Dns;

/// <summary>The resolver against servers that answer well, badly or not at all. Time stands still unless a test moves it.</summary>
public sealed class DnsResolverTests : IAsyncDisposable
{
    private readonly ScriptedNameserver _server = new();
    private readonly TimerClock _clock = new();
    private readonly TempFolder _system = new();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _system.Dispose();
    }

    [Fact]
    public async Task Addresses_come_in_the_order_of_the_answer_with_their_time()
    {
        _server.SetAddresses("app.test", 30, "10.0.0.2", "10.0.0.1");
        var answer = await ResolveAsync(Resolver(), "app.test");
        answer.Status.Should().Be(DnsStatus.Found);
        answer.Addresses.Should().Equal(IPAddress.Parse("10.0.0.2"), IPAddress.Parse("10.0.0.1"));
        answer.Ttl.Should().Be(TimeSpan.FromSeconds(30));
        _server.Queries.Should().ContainSingle().Which.PayloadSize.Should().Be(1232);
    }

    [Fact]
    public async Task Aliases_are_followed_and_the_shortest_time_holds()
    {
        _server.Set("app.test", DnsRecordType.A, Records(Alias("app.test", "b.test", 50), Alias("b.test", "c.test", 9), Address("c.test", "10.0.0.1"), Address("other.test", "10.0.0.9")));
        var answer = await ResolveAsync(Resolver(), "app.test");
        answer.Addresses.Should().Equal(IPAddress.Parse("10.0.0.1"));
        answer.Ttl.Should().Be(TimeSpan.FromSeconds(9));
    }

    [Fact]
    public async Task An_alias_that_leads_out_of_the_answer_is_asked_for()
    {
        _server.Set("app.test", DnsRecordType.A, Records(Alias("app.test", "b.test", 5)));
        _server.SetAddresses("b.test", 60, "10.0.0.1");
        var answer = await ResolveAsync(Resolver(), "app.test");
        answer.Addresses.Should().Equal(IPAddress.Parse("10.0.0.1"));
        answer.Ttl.Should().Be(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Aliases_without_an_end_are_a_failure()
    {
        _server.Set("app.test", DnsRecordType.A, Records(Alias("app.test", "b.test"), Alias("b.test", "app.test")));
        (await ResolveAsync(Resolver(), "app.test")).Reason.Should().Be("its aliases have no end");
        _server.Set("x.test", DnsRecordType.A, Records(Alias("x.test", "y.test")));
        _server.Set("y.test", DnsRecordType.A, Records(Alias("y.test", "x.test")));
        (await ResolveAsync(Resolver(), "x.test")).Reason.Should().Be("its aliases have no end");
        _server.Queries.Count.Should().BeLessThan(50);
    }

    [Fact]
    public async Task An_answer_that_does_not_fit_is_asked_for_over_tcp()
    {
        AddressRecord[] many = [.. Enumerable.Range(0, 250).Select(static i => Address("app.test", $"10.0.1.{i}"))];
        _server.Set("app.test", DnsRecordType.A, query => query.IsTcp ? Records(many)(query) : [Write(query.Id, query.Question, Response | Truncated, many[..5])]);
        (await ResolveAsync(Resolver(), "app.test")).Addresses.Should().HaveCount(250);
        _server.Queries.Select(static query => query.IsTcp).Should().Equal(false, true);
    }

    [Fact]
    public async Task Everything_may_be_asked_over_tcp()
    {
        _server.SetAddresses("app.test", 30, "10.0.0.1");
        (await ResolveAsync(Resolver(new DnsQueryOptions { UseTcp = true }), "app.test")).Status.Should().Be(DnsStatus.Found);
        _server.Queries.Should().ContainSingle().Which.IsTcp.Should().BeTrue();
    }

    [Fact]
    public async Task Only_the_answer_to_this_query_counts()
    {
        _server.Set("app.test", DnsRecordType.A, query =>
        [
            [1, 2, 3],
            Write((ushort)(query.Id + 1), query.Question, answers: [Address("app.test", "10.6.6.6")]),
            Write(query.Id, new DnsQuestion("evil.test", DnsRecordType.A), answers: [Address("app.test", "10.6.6.6")]),
            Write(query.Id, query.Question with { Type = DnsRecordType.Aaaa }, answers: [Address("app.test", "10.6.6.6")]),
            Write(query.Id, null, answers: [Address("app.test", "10.6.6.6")]),
            Write(query.Id, query.Question, flags: 0x0100),
            Write(query.Id, query.Question, answers: [Address("app.test", "10.6.6.6")])[..^1],
            Write(query.Id, query.Question, answers: Enumerable.Range(0, 200).Select(static i => Address("app.test", $"10.6.6.{i}"))),
            Write(query.Id, query.Question, answers: [Address("app.test", "10.0.0.1")]),
        ]);
        (await ResolveAsync(Resolver(), "app.test")).Addresses.Should().Equal(IPAddress.Parse("10.0.0.1"));
    }

    [Fact]
    public async Task A_server_that_sends_nothing_but_noise_is_given_up()
    {
        _server.Set("app.test", DnsRecordType.A, static _ => Enumerable.Repeat<byte[]>([0], 80));
        (await ResolveAsync(Resolver(), "app.test")).Reason.Should().Be($"{_server.EndPoint} sent too much that is no answer");
    }

    [Fact]
    public async Task Numbers_and_ports_of_queries_cannot_be_foretold()
    {
        var resolver = Resolver();
        for (var i = 0; i < 40; i++)
        {
            await ResolveAsync(resolver, $"n{i}.test");
        }

        _server.Queries.Select(static query => query.Id).Distinct().Count().Should().BeGreaterThan(35);
        _server.Queries.Select(static query => query.SourcePort).Distinct().Count().Should().BeGreaterThan(20);
    }

    [Fact]
    public async Task A_server_that_does_not_know_EDNS_is_asked_without()
    {
        _server.Set("app.test", DnsRecordType.A, static query =>
            query.PayloadSize is null ? Records(Address("app.test", "10.0.0.1"))(query) : [Write(query.Id, null, Response | (int)DnsResponseCode.FormatError)]);
        (await ResolveAsync(Resolver(), "app.test")).Status.Should().Be(DnsStatus.Found);
    }

    [Fact]
    public async Task After_a_server_that_cannot_answer_the_next_is_asked()
    {
        await using var other = new ScriptedNameserver();
        _server.Otherwise = Code(DnsResponseCode.ServerFailure);
        other.SetAddresses("app.test", 0, "10.0.0.1");
        var resolver = Resolver(new DnsQueryOptions { Servers = [_server.EndPoint, other.EndPoint] });
        (await ResolveAsync(resolver, "app.test")).Status.Should().Be(DnsStatus.Found);

        other.Set("app.test", DnsRecordType.A, Code(DnsResponseCode.Refused));
        (await ResolveAsync(resolver, "app2.test", DnsRecordType.Aaaa)).Status.Should().Be(DnsStatus.NoSuchName, "the second says so");
        _server.Queries.Should().HaveCount(2, "it would say the same again");
    }

    [Fact]
    public async Task A_silent_server_gives_way_to_the_next_and_is_asked_last_from_then_on()
    {
        await using var other = new ScriptedNameserver();
        _server.Otherwise = Silence;
        other.SetAddresses("app.test", 0, "10.0.0.1");
        var resolver = Resolver(new DnsQueryOptions { Servers = [_server.EndPoint, other.EndPoint] });
        var first = ResolveAsync(resolver, "app.test");
        await Patience.UntilAsync(() => _server.Queries.Count == 1, "the query");
        first.IsCompleted.Should().BeFalse();
        _clock.Advance(TimeSpan.FromSeconds(5));
        (await first).Status.Should().Be(DnsStatus.Found);

        (await ResolveAsync(resolver, "app.test")).Status.Should().Be(DnsStatus.Found);
        _server.Queries.Should().HaveCount(1);
    }

    [Fact]
    public async Task A_query_has_so_many_tries_and_each_so_long()
    {
        _server.Otherwise = Silence;
        var answer = ResolveAsync(Resolver(new DnsQueryOptions { Timeout = TimeSpan.FromSeconds(3), Tries = 2 }), "app.test");
        for (var tries = 1; tries <= 2; tries++)
        {
            await Patience.UntilAsync(() => _server.Queries.Count == tries, "a try");
            _clock.Advance(TimeSpan.FromSeconds(3));
        }

        var failure = await answer;
        failure.Status.Should().Be(DnsStatus.Failed);
        failure.Reason.Should().Be($"{_server.EndPoint} did not answer within 3 s");
        _server.Queries.Should().HaveCount(2);
    }

    [Fact]
    public async Task Queries_may_be_spread_over_the_servers()
    {
        await using var other = new ScriptedNameserver();
        var resolver = Resolver(new DnsQueryOptions { Servers = [_server.EndPoint, other.EndPoint], Rotate = true });
        for (var i = 0; i < 10; i++)
        {
            await ResolveAsync(resolver, $"n{i}.test");
        }

        _server.Queries.Should().HaveCount(5);
        other.Queries.Should().HaveCount(5);
    }

    [Fact]
    public async Task A_short_name_is_looked_for_in_the_search_domains()
    {
        _system.Write("resolv.conf", "search a.test b.test\noptions ndots:2\n");
        _server.Set("db.a.test", DnsRecordType.A, NoData(5, 5));
        _server.SetAddresses("db.b.test", 5, "10.0.0.1");
        (await ResolveAsync(Resolver(), "db")).Status.Should().Be(DnsStatus.Found);
        (await ResolveAsync(Resolver(new DnsQueryOptions { NoSearch = true }), "db")).Status.Should().Be(DnsStatus.NoSuchName);
        (await ResolveAsync(Resolver(), "db.")).Status.Should().Be(DnsStatus.NoSuchName);
        (await ResolveAsync(Resolver(), "nowhere")).Status.Should().Be(DnsStatus.NoSuchName);
    }

    [Fact]
    public async Task After_a_failure_no_other_name_is_tried()
    {
        _system.Write("resolv.conf", "search a.test b.test\n");
        _server.Set("db.a.test", DnsRecordType.A, Code(DnsResponseCode.ServerFailure));
        _server.SetAddresses("db.b.test", 5, "10.0.0.1");
        (await ResolveAsync(Resolver(), "db")).Reason.Should().Be($"{_server.EndPoint} answered SERVFAIL");
    }

    [Theory]
    [InlineData("10.0.0.7", DnsStatus.Found)]
    [InlineData("::1", DnsStatus.NoData)]
    [InlineData("known.test", DnsStatus.Found)]
    [InlineData("known6.test", DnsStatus.NoData)]
    [InlineData("localhost", DnsStatus.Found)]
    [InlineData("app.invalid", DnsStatus.NoSuchName)]
    [InlineData("not..a.name", DnsStatus.Failed)]
    public async Task What_is_known_is_not_asked(string host, object status)
    {
        _system.Write("hosts", "10.0.0.1 known.test\nfd00::1 known6.test\n");
        (await ResolveAsync(Resolver(), host)).Status.Should().Be((DnsStatus)status);
        _server.Queries.Should().BeEmpty();
    }

    [Fact]
    public async Task The_servers_of_the_system_are_asked_where_no_others_are_named_or_only_as_a_fall_back()
    {
        _system.Write("resolv.conf", "nameserver 127.0.0.1\noptions attempts:1\n");
        _server.SetAddresses("app.test", 5, "10.0.0.1");
        var fallback = new DnsQueryOptions { Servers = [_server.EndPoint], UseServersAsFallback = true, Timeout = TimeSpan.FromSeconds(1) };
        var asked = ResolveAsync(Resolver(fallback), "app.test");
        await Patience.UntilAsync(
            () =>
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                return asked.IsCompleted;
            },
            "an end");
        _server.Queries.Should().BeEmpty();
        _system.Write("resolv.conf", "");
        (await ResolveAsync(Resolver(fallback), "app.test")).Status.Should().Be(DnsStatus.Found);
    }

    [Fact]
    public async Task A_question_is_on_the_way_once_at_a_time()
    {
        _server.Otherwise = Silence;
        var resolver = Resolver();
        var waiting = Enumerable.Range(0, 20).Select(_ => ResolveAsync(resolver, "app.test")).ToArray();
        await Patience.UntilAsync(() => _server.Queries.Count == 1, "the query");
        _server.SetAddresses("app.test", 5, "10.0.0.1");
        _clock.Advance(TimeSpan.FromSeconds(5));
        (await Task.WhenAll(waiting)).Should().OnlyContain(static answer => answer.Status == DnsStatus.Found);
        _server.Queries.Should().HaveCount(2);
    }

    [Fact]
    public async Task Who_no_longer_waits_does_not_spoil_it_for_others()
    {
        _server.Otherwise = Silence;
        var resolver = Resolver();
        using var impatience = new CancellationTokenSource();
        var first = resolver.ResolveAsync("app.test", DnsRecordType.A, TimeSpan.Zero, impatience.Token);
        var second = ResolveAsync(resolver, "app.test");
        await Patience.UntilAsync(() => _server.Queries.Count == 1, "the query");
        await impatience.CancelAsync();
        await FluentActions.Awaiting(() => first).Should().ThrowAsync<OperationCanceledException>();
        _server.SetAddresses("app.test", 5, "10.0.0.1");
        _clock.Advance(TimeSpan.FromSeconds(5));
        (await second).Status.Should().Be(DnsStatus.Found);
    }

    [Fact]
    public async Task An_answer_saves_queries_for_its_time_and_for_no_longer_than_it_may()
    {
        _server.SetAddresses("app.test", 10, "10.0.0.1");
        var resolver = Resolver();
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue);
        _clock.Advance(TimeSpan.FromSeconds(4));
        (await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue)).Ttl.Should().Be(TimeSpan.FromSeconds(6));
        _server.Queries.Should().HaveCount(1);
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.FromSeconds(4));
        _server.Queries.Should().HaveCount(2, "it was older than wanted");
        _clock.Advance(TimeSpan.FromSeconds(10));
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue);
        _server.Queries.Should().HaveCount(3, "its time was over");
    }

    [Theory]
    [InlineData(60, 20, 20)]
    [InlineData(10, 60, 10)]
    [InlineData(86400, 86400, 300)]
    public async Task That_there_is_no_such_name_is_believed_as_long_as_its_zone_says(uint ttl, uint minimum, int seconds)
    {
        _server.Otherwise = NameError(ttl, minimum);
        var resolver = Resolver();
        (await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue)).Ttl.Should().Be(TimeSpan.FromSeconds(seconds));
        _clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue);
        _server.Queries.Should().HaveCount(1);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue);
        _server.Queries.Should().HaveCount(2);
    }

    [Fact]
    public async Task Without_a_zone_the_absence_of_a_name_is_not_believed_for_long()
    {
        var resolver = Resolver();
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue);
        await ResolveAsync(resolver, "app.test", freshness: TimeSpan.MaxValue);
        _server.Queries.Should().HaveCount(2);
    }

    [Fact]
    public async Task The_last_answer_stands_in_while_none_can_be_had_and_for_a_day_at_most()
    {
        _server.SetAddresses("app.test", 1, "10.0.0.1");
        var resolver = Resolver();
        await ResolveAsync(resolver, "app.test");
        _server.Set("app.test", DnsRecordType.A, Code(DnsResponseCode.ServerFailure));
        _clock.Advance(TimeSpan.FromHours(23));
        var stale = await ResolveAsync(resolver, "app.test");
        stale.Addresses.Should().Equal(IPAddress.Parse("10.0.0.1"));
        stale.IsStale.Should().BeTrue();
        stale.Reason.Should().Contain("SERVFAIL");

        _clock.Advance(TimeSpan.FromHours(2));
        (await ResolveAsync(resolver, "app.test")).Status.Should().Be(DnsStatus.Failed);
    }

    [Fact]
    public void The_number_of_answers_that_are_kept_is_bounded()
    {
        var cache = new DnsCache(_clock, capacity: 80);
        for (var i = 0; i < 1000; i++)
        {
            cache.Store(new DnsQuestion($"n{i}", DnsRecordType.A), DnsAnswer.Absence(DnsStatus.NoSuchName, TimeSpan.FromHours(1)));
            _clock.Advance(TimeSpan.FromTicks(1));
            cache.Count.Should().BeLessThanOrEqualTo(80);
        }

        cache.Fresh(new DnsQuestion("n999", DnsRecordType.A), TimeSpan.MaxValue).Should().NotBeNull();
        cache.Fresh(new DnsQuestion("n0", DnsRecordType.A), TimeSpan.MaxValue).Should().BeNull("the oldest go first");
    }

    [Fact]
    public async Task The_number_of_queries_on_the_way_is_bounded()
    {
        _server.Otherwise = Silence;
        var resolver = Resolver(new DnsQueryOptions { Tries = 1 });
        var waiting = Enumerable.Range(0, DnsQueryOptions.MaxOutstanding + 50).Select(i => ResolveAsync(resolver, $"n{i}.test")).ToArray();
        await Patience.UntilAsync(() => _server.Queries.Count == DnsQueryOptions.MaxOutstanding, "the first queries");
        _clock.Advance(TimeSpan.FromSeconds(5));
        await Patience.UntilAsync(() => _server.Queries.Count == waiting.Length, "the rest");
        _clock.Advance(TimeSpan.FromSeconds(5));
        (await Task.WhenAll(waiting)).Should().OnlyContain(static answer => answer.Status == DnsStatus.Failed);
    }

    [Fact]
    public async Task The_end_of_the_process_ends_what_is_under_way()
    {
        _server.Otherwise = Silence;
        using var lifetime = new CancellationTokenSource();
        var asked = ResolveAsync(Resolver(lifetime: lifetime.Token), "app.test");
        await Patience.UntilAsync(() => _server.Queries.Count == 1, "the query");
        await lifetime.CancelAsync();
        (await asked).Status.Should().Be(DnsStatus.Failed);
    }

    private static Task<DnsAnswer> ResolveAsync(DnsResolver resolver, string host, DnsRecordType type = DnsRecordType.A, TimeSpan freshness = default) =>
        resolver.ResolveAsync(host, type, freshness).WaitAsync(Patience.Limit);

    private DnsResolver Resolver(DnsQueryOptions? options = null, CancellationToken lifetime = default)
    {
        options ??= new DnsQueryOptions();
        var system = new SystemNames(_clock, "host", _system.File("hosts"), _system.File("resolv.conf"));
        return new DnsResolver(options.Servers.IsEmpty ? options with { Servers = [_server.EndPoint] } : options, system, _clock, lifetime);
    }
}
