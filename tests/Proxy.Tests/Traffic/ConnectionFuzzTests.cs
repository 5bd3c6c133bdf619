using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>
/// Mutated requests, split at random, against a running proxy. Whatever comes in, the backend sees only well-formed requests (it reads
/// strictly and would fault), the proxy lives, and nothing is left behind.
/// </summary>
public sealed class ConnectionFuzzTests(ITestOutputHelper output)
{
    private const int Cases = 3000;

    private static readonly string[] Seeds =
    [
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nt: v\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n",
        "HEAD http://a/b HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, x\r\nx: y\r\n\r\nGET / HTTP/1.0\r\nhost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx",
    ];

    private static readonly string[] Pieces =
        ["\r\n", "\n", "\r", "\0", " ", "\t", ":", "content-length: 3\r\n", "transfer-encoding: chunked\r\n", "0\r\n\r\n", "host: b\r\n", "GET / HTTP/1.1\r\n", "ffffffffff", "-1", "\u00ff"];

    [Fact]
    public async Task Mutated_requests_never_break_the_proxy()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using (var proxy = RunningProxy.To(backend.Port, http => http with { AcceptHttp10 = true, DelayedCloseTimeout = TimeSpan.FromMilliseconds(10) }))
        {
            await Parallel.ForAsync(0, Cases, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => await PlayAsync(proxy.Port, new Random(seed + i)));

            (await RawHttpClient.GetAsync(proxy.Port, "/alive")).Status.Should().Be(200);
            proxy.Stat("http.test.downstream_cx_total").Should().Be(Cases + 1);
            proxy.Stat("http.test.downstream_rq_active").Should().Be(0);
        }

        backend.TakeFaults().Should().BeEmpty($"seed {seed}: what the proxy forwards is well-formed");
    }

    private static async Task PlayAsync(int port, Random random)
    {
        var bytes = Mutate(Seeds[random.Next(Seeds.Length)], random);
        await using var client = await RawHttpClient.ConnectAsync(port);
        try
        {
            for (var start = 0; start < bytes.Length;)
            {
                var end = random.Next(3) == 0 ? bytes.Length : random.Next(start + 1, bytes.Length + 1);
                await client.SendAsync(bytes.AsMemory(start, end - start));
                start = end;
            }

            switch (random.Next(4))
            {
                case 0:
                    client.Reset();
                    break;
                case 1:
                    break;
                default:
                    client.ShutdownSend();
                    await client.ReadToEndAsync();
                    break;
            }
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or RawFramingException)
        {
            // The proxy may end the connection before everything is sent.
        }
    }

    private static byte[] Mutate(string seed, Random random)
    {
        var text = new StringBuilder(seed);
        for (var n = random.Next(4); n > 0; n--)
        {
            var at = random.Next(text.Length);
            switch (random.Next(5))
            {
                case 0:
                    text[at] = (char)random.Next(256);
                    break;
                case 1:
                    text.Remove(at, Math.Min(random.Next(1, 8), text.Length - at - 1));
                    break;
                case 2:
                    text.Insert(at, text.ToString(at, Math.Min(random.Next(1, 20), text.Length - at)));
                    break;
                default:
                    text.Insert(at, Pieces[random.Next(Pieces.Length)]);
                    break;
            }
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }
}
