using System.Net;
using System.Net.Sockets;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>
/// Requests of every odd form, through a proxy to servers that others wrote. Three count: a relay what the proxy sent, by the letter of the
/// RFC; the proxy; and the server. Whatever a client sends, they agree, and no request that was hidden in another's body is ever counted.
/// </summary>
public sealed class RequestCountTests(ITestOutputHelper output)
{
    private const int Seed = 20251;
    private const int RandomCases = 500;

    private static readonly string[] KnownMethods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];

    /// <summary>How long a client waits for a proxy that waits for it: what it sent may well be the beginning of something longer.</summary>
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(10);

    public static TheoryData<string> Servers => [.. ServerRecipe.All.Keys];

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task A_server_counts_the_requests_that_the_proxy_sent_it(string name)
    {
        var mutations = FramingMutations.All.Concat(ChunkMutations.All).Concat(HeadMutations.All).Concat(RandomMutations.Of(Seed, RandomCases))
            .DistinctBy(static mutation => mutation.Wire, StringComparer.Ordinal).ToArray();
        mutations.Length.Should().BeGreaterThan(1000);
        var recipe = ServerRecipe.All[name];
        await using var server = await IndependentServer.StartAsync(recipe);
        await using var relay = new RecordingRelay(server.Port);
        await using var proxy = await StaticProxy.StartAsync((_, http, admin) => Bootstraps.Static(
            admin,
            Bootstraps.Listener("http", http, Bootstraps.Route("backend"), "http_protocol_options: { accept_http_10: true }, delayed_close_timeout: 0.2s,"),
            Bootstraps.Cluster("backend", relay.Port)));

        var givenUp = 0;
        await Parallel.ForAsync(0, mutations.Length, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            if (!await SendAsync(proxy.HttpPort, mutations[i], i))
            {
                Interlocked.Increment(ref givenUp);
            }
        });

        (await proxy.GetAsync("/alive")).Status.Should().BeLessThan(500);
        var forwarded = await ForwardedAsync(proxy);
        await proxy.Process.TerminateAsync();
        var sent = (await relay.StopAsync()).SelectMany(RecordedRequests.Read).ToList();
        var counted = await server.StopAsync();
        output.WriteLine($"{name}: seed {Seed}, {mutations.Length} mutations, {sent.Count} requests sent, {counted.Count} counted, {givenUp} given up");

        sent.Count.Should().BeGreaterThan(mutations.Length / 10);
        forwarded.Should().BeInRange(sent.Count, sent.Count + givenUp);
        var unseen = Missing(counted, sent.Where(static request => request.IsComplete).Select(static request => request.Line));
        var unnamed = Missing(sent.Select(static request => request.Line), counted);
        unseen.Should().NotContain(static line => KnownMethods.Any(method => line.StartsWith($"{method} ", StringComparison.Ordinal)), "a whole request is counted");
        unnamed.Should().OnlyContain(line => line == recipe.UnknownMethod, "nothing else is");
        unnamed.Count.Should().BeInRange(unseen.Count, unseen.Count + sent.Count(static request => !request.IsComplete), "each unknown method is one request");
        counted.Should().NotContain(static line => line.Contains("/smuggled", StringComparison.Ordinal));
    }

    /// <summary>Sends a case and waits until the proxy ends the connection. False where it does not.</summary>
    private static async Task<bool> SendAsync(int port, Mutation mutation, int number)
    {
        // The case has its number in its path, and is followed by a good request that ends the connection and by bytes that end any doubt.
        var wire = mutation.Wire.Replace("/case", $"/case/{number}", StringComparison.Ordinal)
            + $"GET /behind/{number} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n\0\r\n\r\n";
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), deadline.Token);
        try
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(wire), SocketFlags.None, deadline.Token);
            var buffer = new byte[4096];
            do
            {
                deadline.CancelAfter(GiveUp);
            }
            while (await socket.ReceiveAsync(buffer, SocketFlags.None, deadline.Token) > 0);

            return true;
        }
        catch (SocketException)
        {
            // The proxy may reset what it refuses.
            return true;
        }
        catch (OperationCanceledException)
        {
            // It waits for more than there is.
            return false;
        }
    }

    /// <summary>The proxy's own count of requests that it began to send.</summary>
    private static async Task<int> ForwardedAsync(StaticProxy proxy)
    {
        var sum = 0;
        foreach (var line in (await proxy.AdminAsync("/stats?filter=cluster.backend.upstream_rq_(total|retry)$")).BodyText.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            sum += int.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        }

        return sum;
    }

    /// <summary>What of the expected is not there, each as often as it is missing.</summary>
    private static List<string> Missing(IEnumerable<string> from, IEnumerable<string> expected)
    {
        var there = from.CountBy(static line => line, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var line in expected)
        {
            if (there.GetValueOrDefault(line) is > 0 and var count)
            {
                there[line] = count - 1;
            }
            else
            {
                missing.Add(line);
            }
        }

        return missing;
    }
}
