using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>
/// Who the client is, as the backend and the log are told: the examples of Envoy's documentation ("HTTP header manipulation",
/// x-forwarded-for), with 127.0.0.5 for the peer, and what happens around them.
/// </summary>
public sealed class ClientIdentityTests
{
    private const string Peer = "127.0.0.5";
    private const string Three = "203.0.113.128, 203.0.113.10, 203.0.113.1";
    private const string LogFormat = "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n";

    private static readonly CidrRange[] Internal = [new(IPAddress.Parse("10.0.0.0"), 8), new(IPAddress.Parse("fc00::"), 7)];

    public static TheoryData<int, bool, uint, string?, string, string?, string?, string?> Examples => new()
    {
        // example, use_remote_address, hops, XFF; client, external address, XFF upstream, internal
        { 1, true, 0, Three, Peer, Peer, $"{Three},{Peer}", null },
        { 2, false, 0, $"{Three}, 192.0.2.5", "192.0.2.5:0", null, $"{Three}, 192.0.2.5", null },
        { 3, true, 2, Three, "203.0.113.10:0", "203.0.113.10", $"{Three},{Peer}", null },
        { 4, false, 2, $"{Three}, 192.0.2.5", "203.0.113.10:0", null, $"{Three}, 192.0.2.5", null },
        { 5, false, 0, null, Peer, null, null, null },
        { 6, false, 0, "10.20.30.40", "10.20.30.40:0", null, "10.20.30.40", "true" },
    };

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Envoys_examples_hold(int example, bool useRemoteAddress, uint hops, string? xff, string client, string? external, string? forwarded, string? isInternal)
    {
        var (echoed, log) = await SendAsync(
            (xff is null ? "" : $"x-forwarded-for: {xff}\r\n") + "x-envoy-internal: true\r\n",
            http => http with { UseRemoteAddress = useRemoteAddress, XffNumTrustedHops = hops, InternalAddresses = [.. Internal] });

        log.Should().StartWith(client, "of example {0}", example).And.Contain($" {Peer} 200 ");
        echoed!.Headers["x-envoy-external-address"].Should().Be(external);
        echoed.Headers["x-forwarded-for"].Should().Be(forwarded);
        echoed.Headers["x-envoy-internal"].Should().Be(isInternal);
    }

    [Theory]
    [InlineData("", 0u, Peer)]
    [InlineData("x-forwarded-for: 1.1.1.1\r\n", 1u, Peer)]
    [InlineData("x-forwarded-for: 1.1.1.1, 2.2.2.2\r\n", 1u, "1.1.1.1:0")]
    [InlineData("x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n", 1u, "1.1.1.1:0")]
    [InlineData("x-forwarded-for: 1.1.1.1, 2.2.2.2\r\nx-b: c\r\nx-forwarded-for: 3.3.3.3,4.4.4.4\r\n", 2u, "2.2.2.2:0")]
    [InlineData("x-forwarded-for: 2001:DB8::1\r\n", 0u, "[2001:db8::1]:0")]
    [InlineData("x-forwarded-for: ::ffff:1.2.3.4\r\n", 0u, "1.2.3.4:0")]
    [InlineData("x-forwarded-for: 1.1.1.1,\r\n", 0u, Peer)]
    [InlineData("x-forwarded-for: 1.1.1.1:80\r\n", 0u, Peer)]
    [InlineData("x-forwarded-for: unknown\r\n", 0u, Peer)]
    [InlineData("x-forwarded-for: 1.1.1.1\r\n", uint.MaxValue, Peer)]
    public async Task Behind_a_proxy_the_client_is_the_entry_that_the_trusted_hops_leave_or_the_peer(string fields, uint hops, string client)
    {
        var (_, log) = await SendAsync(fields, http => http with { UseRemoteAddress = false, XffNumTrustedHops = hops });

        log.Should().StartWith(client);
    }

    [Theory]
    [InlineData("x-forwarded-for: 198.51.100.7, 10.0.0.1, 10.0.0.2\r\n", "198.51.100.7:0")]
    [InlineData("x-forwarded-for: 6.6.6.6, 198.51.100.7, 10.0.0.2\r\n", "198.51.100.7:0")]
    [InlineData("x-forwarded-for: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3:0")]
    [InlineData("x-forwarded-for: 198.51.100.7, x, 10.0.0.2\r\n", "10.0.0.2:0")]
    [InlineData("x-forwarded-for: x\r\n", Peer)]
    [InlineData("", Peer)]
    public async Task Trusted_proxies_are_passed_over_by_address(string fields, string client)
    {
        var xff = new XffDetection { TrustedCidrs = [new CidrRange(IPAddress.Parse("10.0.0.0"), 8), new CidrRange(IPAddress.Parse(Peer), 32)] };

        var (_, log) = await SendAsync(fields, http => http with { UseRemoteAddress = false, OriginalIpDetections = [xff] });

        log.Should().StartWith(client);
    }

    [Fact]
    public async Task A_peer_that_is_no_trusted_proxy_is_the_client_and_is_appended()
    {
        var xff = new XffDetection { TrustedCidrs = [new CidrRange(IPAddress.Parse("10.0.0.0"), 8)] };

        var (echoed, log) = await SendAsync("x-forwarded-for: 1.1.1.1\r\n", http => http with { UseRemoteAddress = false, OriginalIpDetections = [xff] });

        log.Should().StartWith(Peer);
        echoed!.Headers["x-forwarded-for"].Should().Be($"1.1.1.1,{Peer}");
    }

    [Fact]
    public async Task A_header_of_its_own_may_hold_the_client()
    {
        var detection = new CustomHeaderDetection { HeaderName = "x-real-ip", AllowsTrust = true };

        var (echoed, log) = await SendAsync(
            "X-Real-IP: 10.1.2.3\r\nx-forwarded-for: 1.1.1.1\r\n",
            http => http with { UseRemoteAddress = false, OriginalIpDetections = [detection, new XffDetection()], InternalAddresses = [.. Internal] });

        log.Should().StartWith("10.1.2.3:0");
        echoed!.Headers["x-envoy-internal"].Should().Be("true");
        echoed.Headers["x-forwarded-for"].Should().Be($"1.1.1.1,{Peer}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("x-real-ip: somebody\r\n")]
    public async Task A_client_that_cannot_be_told_is_refused_where_asked_for(string fields)
    {
        var (echoed, log) = await SendAsync(fields, static http => http with
        {
            UseRemoteAddress = false,
            OriginalIpDetections = [new CustomHeaderDetection { HeaderName = "x-real-ip", RejectStatus = 401 }],
        });

        echoed.Should().BeNull();
        log.Should().EndWith(" 401 rejecting_because_detection_failed");
    }

    [Fact]
    public async Task The_next_detection_is_tried_where_one_finds_nothing()
    {
        var (_, log) = await SendAsync("x-forwarded-for: 1.1.1.1\r\n", static http => http with
        {
            UseRemoteAddress = false,
            OriginalIpDetections = [new CustomHeaderDetection { HeaderName = "x-real-ip" }, new XffDetection()],
        });

        log.Should().StartWith("1.1.1.1:0");
    }

    [Fact]
    public async Task A_peer_that_counts_as_internal_keeps_its_rights_at_the_edge_unless_it_speaks_for_another()
    {
        CidrRange[] peers = [new(IPAddress.Parse(Peer), 32)];
        const string Fields = "x-envoy-ip-tags: 5xx\r\nx-request-id: mine\r\n";

        var (own, _) = await SendAsync(Fields, http => http with { InternalAddresses = [.. peers] });
        var (another, _) = await SendAsync(Fields + "x-forwarded-for: 10.0.0.1\r\n", http => http with { InternalAddresses = [.. peers] });

        own!.Headers["x-envoy-internal"].Should().Be("true");
        own.Headers["x-envoy-ip-tags"].Should().Be("5xx");
        own.Headers["x-request-id"].Should().Be("mine");
        own.Headers.Contains("x-envoy-external-address").Should().BeFalse();
        another!.Headers.Contains("x-envoy-internal").Should().BeFalse();
        another.Headers.Contains("x-envoy-ip-tags").Should().BeFalse();
        another.Headers["x-request-id"].Should().NotBe("mine");
        another.Headers["x-envoy-external-address"].Should().Be(Peer);
    }

    [Fact]
    public async Task Nothing_is_appended_where_that_is_to_be_skipped()
    {
        var (echoed, _) = await SendAsync("x-forwarded-for: 1.1.1.1\r\n", static http => http with { SkipXffAppend = true });

        echoed!.Headers["x-forwarded-for"].Should().Be("1.1.1.1");
        echoed.Headers["x-envoy-external-address"].Should().Be(Peer);
    }

    [Theory]
    [InlineData(true, 0u, "", "https", "http")]
    [InlineData(true, 1u, "", "https", "https")]
    [InlineData(false, 0u, "", "https", "https")]
    [InlineData(false, 0u, "", null, "http")]
    [InlineData(true, 1u, "", null, "http")]
    [InlineData(true, 0u, "https", "http", "https")]
    [InlineData(false, 0u, "http", "https", "http")]
    public async Task The_forwarded_scheme_is_believed_from_trusted_proxies_alone(bool edge, uint hops, string overwrite, string? sent, string expected)
    {
        var (echoed, _) = await SendAsync(
            sent is null ? "" : $"x-forwarded-proto: {sent}\r\n",
            http => http with { UseRemoteAddress = edge, XffNumTrustedHops = hops, SchemeToOverwrite = overwrite });

        echoed!.Headers["x-forwarded-proto"].Should().Be(expected);
    }

    [Fact]
    public async Task Via_is_appended_both_ways()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) =>
            connection.SendAsync(BackendScripts.ResponseText(200, request.Headers.ToString(), [new("via", "1.1 b")], withBody: true))));
        await using var proxy = RunningProxy.To(backend.Port, static http => http with { Via = "1.1 us" });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nvia: 1.0 x\r\nVia: 1.1 y\r\n\r\n");
        var alone = await RawHttpClient.GetAsync(proxy.Port);

        response.BodyText.Should().Contain("via: 1.0 x, 1.1 y, 1.1 us");
        response.Headers["via"].Should().Be("1.1 b, 1.1 us");
        alone.BodyText.Should().Contain("via: 1.1 us");
    }

    private static async Task<(EchoedRequest? Echoed, string Log)> SendAsync(string fields, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> configure)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(
            backend.Port, http => configure(http with { AccessLogs = [http.AccessLogs[0] with { Format = AccessLogFormat.Parse(LogFormat) }] }));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port, from: IPAddress.Parse(Peer));
        await client.SendAsync($"GET / HTTP/1.1\r\nhost: example.com\r\n{fields}\r\n");
        var response = await client.ReadResponseAsync();
        return (response.Status == 200 ? EchoedRequest.From(response) : null, await proxy.LogAsync());
    }
}
