using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Sessions that stay with an endpoint (Envoy documentation, "Stateful session").</summary>
public sealed class StatefulSessionTests
{
    private const string Name = "envoy.filters.http.stateful_session";
    private static readonly CookieSessionState Cookie = new("session");
    private static readonly HeaderSessionState Header = new("Session-Host");

    [Fact]
    public async Task A_client_is_told_its_endpoint_in_a_header_and_comes_back_to_it()
    {
        await using var pair = await Pair.StartAsync(Header);

        var first = await pair.GetAsync();
        Encoding.UTF8.GetString(Convert.FromBase64String(first.Headers["session-host"]!)).Should().Be($"127.0.0.1:{first.BodyText}");
        for (var i = 0; i < 6; i++)
        {
            var again = await pair.GetAsync($"session-host: {first.Headers["session-host"]}");
            again.BodyText.Should().Be(first.BodyText);
            again.Headers.Contains("session-host").Should().BeFalse("the client knows");
        }
    }

    [Fact]
    public async Task A_cookie_holds_a_message_with_the_address_as_envoy_writes_it()
    {
        await using var pair = await Pair.StartAsync(Cookie with { Path = "/app", Attributes = [new CookieAttribute("SameSite", "Lax")] });

        var first = await pair.GetAsync(target: "/app/x");
        var address = $"127.0.0.1:{first.BodyText}";
        byte[] message = [0x0A, (byte)address.Length, .. Encoding.ASCII.GetBytes(address)];
        first.Headers["set-cookie"].Should().Be($"session=\"{Convert.ToBase64String(message)}\"; Path=/app; SameSite=Lax; HttpOnly");
        for (var i = 0; i < 6; i++)
        {
            (await pair.GetAsync($"cookie: a=b; session=\"{Convert.ToBase64String(message)}\"", "/app?x")).BodyText.Should().Be(first.BodyText);
        }

        (await pair.GetAsync(target: "/application")).Headers.Contains("set-cookie").Should().BeFalse("it is not below the cookie's path");
    }

    [Fact]
    public async Task A_cookie_with_a_lifetime_holds_its_end_and_is_not_heeded_after_it()
    {
        await using var pair = await Pair.StartAsync(Cookie with { Ttl = TimeSpan.FromSeconds(100) });

        var value = (await pair.GetAsync()).Headers["set-cookie"]!.Split('"')[1];
        var message = Convert.FromBase64String(value);
        var end = 2 + message[1];
        message[end].Should().Be(0x10);
        var expires = message.AsSpan(end + 1).ToArray().Select(static (part, i) => (long)(part & 0x7F) << (7 * i)).Sum();
        expires.Should().BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 100, 60);

        byte[] past = [.. message[..(end + 1)], 1];
        (await pair.GetAsync($"cookie: session={Convert.ToBase64String(past)}")).Headers.Contains("set-cookie").Should().BeTrue();
        (await pair.GetAsync($"cookie: session={value}")).Headers.Contains("set-cookie").Should().BeFalse();
    }

    [Theory]
    [InlineData("session-host: !!!")]
    [InlineData("session-host: ")]
    [InlineData("session-host: MTI3LjAuMC4xOjE=")]
    public async Task Without_an_endpoint_of_that_name_another_one_takes_over_and_the_client_is_told(string header)
    {
        await using var pair = await Pair.StartAsync(Header);

        var response = await pair.GetAsync(header);
        response.Status.Should().Be(200);
        response.Headers.Contains("session-host").Should().BeTrue();
    }

    [Fact]
    public async Task A_strict_session_fails_without_its_endpoint()
    {
        await using var pair = await Pair.StartAsync(Header, isStrict: true);

        (await pair.GetAsync("session-host: MTI3LjAuMC4xOjE=")).Status.Should().Be(503);
        (await pair.Proxy.LogAsync()).Should().Contain(" 503 UH no_healthy_upstream ");
        (await pair.GetAsync()).Status.Should().Be(200);
    }

    [Theory]
    [InlineData(EndpointHealth.Degraded, HealthStatuses.Usable, true)]
    [InlineData(EndpointHealth.Draining, HealthStatuses.Usable, false)]
    [InlineData(EndpointHealth.Draining, HealthStatuses.Usable | HealthStatuses.Draining, true)]
    [InlineData(EndpointHealth.Unhealthy, HealthStatuses.Usable, false)]
    [InlineData(EndpointHealth.Healthy, HealthStatuses.None, false)]
    public async Task The_endpoint_of_a_session_needs_a_health_that_the_cluster_allows(EndpointHealth health, HealthStatuses allowed, bool isUsed)
    {
        await using var pair = await Pair.StartAsync(Header, isStrict: true, health: health, allowed: allowed);

        (await pair.GetAsync($"session-host: {Convert.ToBase64String(Encoding.ASCII.GetBytes($"127.0.0.1:{pair.First.Port}"))}")).Status.Should().Be(isUsed ? 200 : 503);
    }

    [Fact]
    public async Task A_retry_leaves_the_endpoint_of_the_session_and_the_client_is_told()
    {
        await using var pair = await Pair.StartAsync(
            Header, retry: new RetryPolicy { RetryOn = RetryOn.ServerError, NumRetries = 1, AvoidsPreviousHosts = true, HostSelectionAttempts = 20, BackOffBase = TimeSpan.FromMilliseconds(1) });
        pair.First.Script = BackendScripts.Answer(500);

        var response = await pair.GetAsync($"session-host: {Convert.ToBase64String(Encoding.ASCII.GetBytes($"127.0.0.1:{pair.First.Port}"))}");
        response.BodyText.Should().Be($"{pair.Second.Port}");
        Encoding.UTF8.GetString(Convert.FromBase64String(response.Headers["session-host"]!)).Should().Be($"127.0.0.1:{pair.Second.Port}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_route_may_switch_sessions_off_or_keep_others(bool off)
    {
        await using var pair = await Pair.StartAsync(Cookie, ofRoute: new StatefulSessionRouteSettings(off ? null : new StatefulSession(Header, IsStrict: false)));

        var response = await pair.GetAsync();
        response.Headers.Contains("set-cookie").Should().BeFalse();
        response.Headers.Contains("session-host").Should().Be(!off);
    }

    [Fact]
    public async Task What_becomes_of_sessions_is_counted_where_the_filter_has_a_prefix()
    {
        await using var pair = await Pair.StartAsync(Header, statPrefix: "mine");
        await using var strict = await Pair.StartAsync(Header, isStrict: true, statPrefix: "mine");
        await using var without = await Pair.StartAsync(Header);
        var known = $"session-host: {Convert.ToBase64String(Encoding.ASCII.GetBytes($"127.0.0.1:{pair.First.Port}"))}";

        await pair.GetAsync();
        Counters(pair).Should().Be((0, 0, 0), "there is no session yet");
        await pair.GetAsync(known);
        Counters(pair).Should().Be((1, 0, 0));
        await pair.GetAsync("session-host: MTI3LjAuMC4xOjE=");
        Counters(pair).Should().Be((1, 1, 0));
        await strict.GetAsync("session-host: MTI3LjAuMC4xOjE=");
        Counters(strict).Should().Be((0, 0, 1));
        without.Proxy.Stats.Collect().Values.Should().NotContain(static value => value.Name.Contains("stateful_session", StringComparison.Ordinal));

        static (long Routed, long Open, long Closed) Counters(Pair of) => (Counter(of, "routed"), Counter(of, "failed_open"), Counter(of, "failed_closed"));
        static long Counter(Pair of, string name) => of.Proxy.Stat("http.test.stateful_session.mine." + name);
    }

    /// <summary>Two backends that answer with their ports, behind a proxy that keeps sessions.</summary>
    private sealed record Pair(ScriptedBackend First, ScriptedBackend Second, RunningProxy Proxy) : IAsyncDisposable
    {
        public static Task<Pair> StartAsync(
            SessionState state, bool isStrict = false, StatefulSessionRouteSettings? ofRoute = null, EndpointHealth health = EndpointHealth.Unknown,
            HealthStatuses allowed = HealthStatuses.Usable, RetryPolicy? retry = null, string statPrefix = "")
        {
            var first = Backend();
            var second = Backend();
            var action = new ForwardAction { Cluster = new SingleCluster("backend"), RetryPolicy = retry };
            var routes = RunningProxy.Table(new Route
            {
                Match = new RouteMatch { Path = new PrefixPath("/") },
                Action = action,
                FilterConfigs = ofRoute is null ? [] : [new RouteFilterConfig(Name, Disabled: false, ofRoute)],
            });
            var cluster = RunningProxy.Cluster("backend", first.Port, second.Port);
            cluster = cluster with { Config = cluster.Config with { OverrideHostStatus = allowed }, Endpoints = [cluster.Endpoints[0] with { Health = health }, cluster.Endpoints[1]] };
            var proxy = RunningProxy.Start(routes, [cluster], http => http with { Filters = [new StatefulSessionConfig(Name, new StatefulSession(state, isStrict)) { StatPrefix = statPrefix }] });
            return Task.FromResult(new Pair(first, second, proxy));
        }

        public Task<RawResponse> GetAsync(string header = "x-none: 1", string target = "/") =>
            RawHttpClient.ExchangeAsync(Proxy.Port, $"GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}\r\n\r\n");

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await First.DisposeAsync();
            await Second.DisposeAsync();
        }

        private static ScriptedBackend Backend()
        {
            var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
            backend.Script = BackendScripts.Answer(200, $"{backend.Port}");
            return backend;
        }
    }
}
