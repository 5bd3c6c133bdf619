using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Header changes, flattened over their levels. A message is written as "name: a | name: b".</summary>
public sealed class HeaderMutationTests
{
    private static HeaderRules Add(string value, HeaderAppendAction action, string name = "X-A", bool keepEmpty = false) =>
        new() { Add = [new HeaderValueOption { Name = name, Value = value, AppendAction = action, KeepEmptyValue = keepEmpty }] };

    private static HeaderRules Remove(string name) => new() { Remove = [name] };

    /// <summary>What becomes of the header x-a of a message that has the given value, or none.</summary>
    private static string Apply(string? received, HeaderRules route, HeaderRules? host = null, HeaderRules? all = null, bool specificWins = false, HeaderRules? cluster = null)
    {
        var table = RouteTables.Compile(new RouteConfiguration
        {
            MostSpecificHeaderMutationsWins = specificWins,
            RequestHeaders = all ?? HeaderRules.None,
            ResponseHeaders = all ?? HeaderRules.None,
            VirtualHosts =
            [
                new VirtualHost
                {
                    Name = "h",
                    Domains = ["*"],
                    RequestHeaders = host ?? HeaderRules.None,
                    ResponseHeaders = host ?? HeaderRules.None,
                    Routes =
                    [
                        new Route
                        {
                            Match = new RouteMatch { Path = new PrefixPath("/") },
                            RequestHeaders = route,
                            ResponseHeaders = route,
                            Action = new ForwardAction
                            {
                                Cluster = new WeightedClusters([new WeightedCluster
                                {
                                    Name = "c", Weight = 1, RequestHeaders = cluster ?? HeaderRules.None, ResponseHeaders = cluster ?? HeaderRules.None,
                                }]),
                            },
                        },
                    ],
                },
            ],
        });
        var target = table.Match(RequestHeads.Get("http://h/")).PickCluster();
        var request = Write(target.RequestMutations, received);
        Write(target.ResponseMutations, received).Should().Be(request);
        return request;
    }

    private static string Write(HeaderMutations mutations, string? received)
    {
        var index = mutations.IndexOf(KnownHeader.Other, "x-a"u8);
        var written = received is not null && (index < 0 || mutations.Items[index].KeepsFields) ? $"x-a: {received}\r\n" : "";
        if (index >= 0)
        {
            var item = mutations.Items[index];
            written += Encoding.UTF8.GetString(received is null ? item.LinesIfAbsent : item.LinesIfPresent);
            (received is null ? item.ValuesIfAbsent : item.ValuesIfPresent).Should().HaveCount(
                Encoding.UTF8.GetString(received is null ? item.LinesIfAbsent : item.LinesIfPresent).Count(c => c == '\n'));
        }

        return written.TrimEnd().Replace("\r\n", " | ");
    }

    [Theory]
    [InlineData(HeaderAppendAction.AppendIfExistsOrAdd, null, "x-a: 1")]
    [InlineData(HeaderAppendAction.AppendIfExistsOrAdd, "0", "x-a: 0 | x-a: 1")]
    [InlineData(HeaderAppendAction.AddIfAbsent, null, "x-a: 1")]
    [InlineData(HeaderAppendAction.AddIfAbsent, "0", "x-a: 0")]
    [InlineData(HeaderAppendAction.OverwriteIfExistsOrAdd, null, "x-a: 1")]
    [InlineData(HeaderAppendAction.OverwriteIfExistsOrAdd, "0", "x-a: 1")]
    [InlineData(HeaderAppendAction.OverwriteIfExists, null, "")]
    [InlineData(HeaderAppendAction.OverwriteIfExists, "0", "x-a: 1")]
    public void Append_actions_do_what_they_say(HeaderAppendAction action, string? received, string expected) =>
        Apply(received, Add("1", action)).Should().Be(expected);

    [Fact]
    public void Removal_comes_before_addition_within_a_level()
    {
        var rules = Add("1", HeaderAppendAction.AddIfAbsent) with { Remove = ["x-a"] };
        Apply("0", rules).Should().Be("x-a: 1");
        Apply("0", Remove("X-A")).Should().Be("");
    }

    [Fact]
    public void The_widest_level_is_evaluated_last_by_default()
    {
        const HeaderAppendAction Append = HeaderAppendAction.AppendIfExistsOrAdd;
        Apply(null, Add("route", Append), Add("host", Append), Add("all", Append)).Should().Be("x-a: route | x-a: host | x-a: all");
        Apply(null, Add("route", Append), Add("host", Append), Add("all", Append), specificWins: true).Should().Be("x-a: all | x-a: host | x-a: route");
        const HeaderAppendAction Overwrite = HeaderAppendAction.OverwriteIfExistsOrAdd;
        Apply(null, Add("route", Overwrite), Add("host", Overwrite)).Should().Be("x-a: host");
        Apply(null, Add("route", Overwrite), Add("host", Overwrite), specificWins: true).Should().Be("x-a: route");
        Apply("0", Add("route", Append), Remove("x-a")).Should().Be("");
        Apply("0", Add("route", Append), Remove("x-a"), specificWins: true).Should().Be("x-a: route");
    }

    [Fact]
    public void A_weighted_cluster_is_evaluated_before_the_route() =>
        Apply("0", Add("route", HeaderAppendAction.AddIfAbsent), cluster: Add("cluster", HeaderAppendAction.OverwriteIfExists)).Should().Be("x-a: cluster");

    [Fact]
    public void Conditions_of_a_level_see_the_message_before_it()
    {
        var rules = new HeaderRules
        {
            Add =
            [
                new HeaderValueOption { Name = "x-a", Value = "1" },
                new HeaderValueOption { Name = "x-a", Value = "2", AppendAction = HeaderAppendAction.AddIfAbsent },
                new HeaderValueOption { Name = "x-a", Value = "3", AppendAction = HeaderAppendAction.OverwriteIfExists },
            ],
        };
        Apply(null, rules).Should().Be("x-a: 1 | x-a: 2");
        Apply("0", rules).Should().Be("x-a: 3 | x-a: 1");
    }

    [Fact]
    public void An_empty_value_counts_only_when_it_is_kept()
    {
        Apply("0", Add("", HeaderAppendAction.OverwriteIfExistsOrAdd)).Should().Be("x-a: 0");
        Apply("0", Add("", HeaderAppendAction.OverwriteIfExistsOrAdd, keepEmpty: true)).Should().Be("x-a:");
    }

    [Fact]
    public void A_doubled_percent_sign_is_one() => Apply(null, Add("100%% of %%x%%", HeaderAppendAction.AddIfAbsent)).Should().Be("x-a: 100% of %x%");

    [Fact]
    public void Known_headers_are_found_by_their_id()
    {
        var table = RouteTables.Of(RouteTables.Prefix("/", "c") with { RequestHeaders = Remove("User-Agent") });
        var mutations = table.Match(RequestHeads.Get("http://h/")).PickCluster().RequestMutations;
        mutations.IndexOf(KnownHeader.UserAgent, default).Should().Be(0);
        mutations.IndexOf(KnownHeader.Date, default).Should().Be(-1);
        mutations.IndexOf(KnownHeader.Other, "user-agenz"u8).Should().Be(-1);
    }

    [Fact]
    public void Routes_without_rules_share_what_their_parents_say()
    {
        var host = RouteTables.Host("h", ["*"], RouteTables.Prefix("/a", "a"), RouteTables.Prefix("/", "b")) with { RequestHeaders = Remove("x-a") };
        var table = RouteTables.Of(host);
        table.Match(RequestHeads.Get("http://h/a")).PickCluster().RequestMutations.Should()
            .BeSameAs(table.Match(RequestHeads.Get("http://h/")).PickCluster().RequestMutations);
        table.Match(RequestHeads.Get("http://h/a")).PickCluster().ResponseMutations.IsEmpty.Should().BeTrue();
    }
}
