using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>What a request goes through before its route costs no heap, whatever the settings and however much there is to do.</summary>
public sealed class AdmissionAllocationTests
{
    private const int Requests = 500;
    private const int Rounds = 4;

    private static HttpConnectionManagerConfig Edge(HttpConnectionManagerConfig http) => http with
    {
        NormalizePath = true,
        MergeSlashes = true,
        PathWithEscapedSlashes = EscapedSlashesAction.RejectRequest,
        StripHostPort = StripPortMode.Any,
        HeadersWithUnderscores = HeadersWithUnderscoresAction.DropHeader,
        XffNumTrustedHops = 1,
        Via = "1.1 us",
        AccessLogs = [],
    };

    private static HttpConnectionManagerConfig Behind(HttpConnectionManagerConfig http) => http with
    {
        UseRemoteAddress = false,
        OriginalIpDetections =
        [
            new CustomHeaderDetection { HeaderName = "x-real-ip" },
            new XffDetection { TrustedCidrs = [new CidrRange(IPAddress.Loopback, 8), new CidrRange(IPAddress.IPv6Any, 0)] },
        ],
        InternalAddresses = [new CidrRange(IPAddress.Parse("fc00::"), 7)],
        AccessLogs = [],
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_most_that_can_be_asked_of_a_request_costs_no_heap(bool isEdge)
    {
        // Unoptimised builds keep their state machines on the heap, and nothing else: that much a plain request has too.
        var plain = await MeasureAsync("GET / HTTP/1.1\r\nhost: a.com\r\n\r\n", static http => http with { UseRemoteAddress = false, GenerateRequestId = false, AccessLogs = [] });

        var full = await MeasureAsync(
            "GET /a/../b//%63?d HTTP/1.1\r\nhost: a.com:80\r\nx-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2001:db8::1, fd00::2\r\nx_y: 1\r\nvia: 1.0 x\r\n"
            + "x-envoy-retry-on: 5xx\r\nx-envoy-other: 1\r\nx-request-id: theirs\r\nx-forwarded-proto: https\r\n\r\n",
            isEdge ? Edge : Behind);

        // What is left is the questions for the number itself, of which a slow machine needs more; the smallest object there is has 24 bytes.
        ((full - plain) / Requests).Should().BeLessThan(24);
    }

    /// <summary>
    /// Bytes that so many requests of a steady connection put on the heap of the worker: the least of several rounds, since what a request needs
    /// it needs in each of them, and the questions for the number need more in some.
    /// </summary>
    private static async Task<long> MeasureAsync(string request, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> configure)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port, configure);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        async Task<long> RunAsync()
        {
            for (var i = 0; i < Requests; i++)
            {
                await client.SendAsync(request);
                (await client.ReadResponseAsync()).Status.Should().Be(200);
            }

            // The worker is asked, and may be slow to answer.
            long allocated = 0;
            await Patience.UntilAsync(() => Task.FromResult((allocated = proxy.Stat("server.worker_heap_allocated_bytes")) > 0), "an answer of the worker");
            return allocated;
        }

        var least = long.MaxValue;
        var before = await RunAsync();
        for (var round = 0; round < Rounds; round++)
        {
            var after = await RunAsync();
            least = Math.Min(least, after - before);
            before = after;
        }

        return least;
    }
}
