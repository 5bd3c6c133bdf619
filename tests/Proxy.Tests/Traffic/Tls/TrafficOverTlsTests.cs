using System.Diagnostics;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Requests and answers over TLS: their bytes arrive whole however records, segments and buffers cut them, and ends are orderly.</summary>
public sealed class TrafficOverTlsTests : IDisposable
{
    private const string Get = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Bodies_of_all_sizes_arrive_whole_both_ways(SslProtocols version)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static async (connection, request) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {request.Body.Length}\r\n\r\n");
            await connection.SendAsync(request.Body);
        }));
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync(protocols: version);
        foreach (var size in (int[])[1, 2, 1000, 4095, 16_383, 16_384, 16_385, 65_536, 1_000_000, 10_000_000])
        {
            var body = RandomNumberGenerator.GetBytes(size);
            var sending = SendAsync(client, $"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n\r\n", body);
            var response = await client.ReadResponseAsync();
            await sending;

            Convert.ToHexString(SHA256.HashData(response.Body)).Should().Be(Convert.ToHexString(SHA256.HashData(body)), $"{size} bytes were sent");
        }
    }

    [Fact]
    public async Task Requests_in_one_record_are_answered_in_order()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(string.Concat(Enumerable.Range(0, 20).Select(static number => $"GET /{number} HTTP/1.1\r\nhost: localhost\r\n\r\n")));

        for (var i = 0; i < 20; i++)
        {
            EchoedRequest.From(await client.ReadResponseAsync()).Target.Should().Be($"/{i}");
        }
    }

    [Fact]
    public async Task A_head_in_a_record_for_each_byte_is_read()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync();

        await client.SendByteByByteAsync("POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody");

        var echoed = EchoedRequest.From(await client.ReadResponseAsync());
        echoed.Target.Should().Be("/slow");
        echoed.Body.Should().Be("body");
    }

    [Fact]
    public async Task Chunks_and_trailers_go_both_ways()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["one", "two", new string('x', 30_000)], new RawHeader("x-end", "yes")));
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");

        var response = await client.ReadResponseAsync();
        response.BodyText.Should().Be("onetwo" + new string('x', 30_000));
        response.Framing.Should().Be(BodyFraming.Chunked);
        backend.Requests.Single().Body.Should().Equal("body"u8.ToArray());
    }

    [Fact]
    public async Task A_client_that_waits_for_100_continue_gets_it()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Continue());
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");

        (await client.ReadHeadAsync()).Status.Should().Be(100);
        await client.SendAsync("body");

        EchoedRequest.From(await client.ReadResponseAsync()).Body.Should().Be("body");
    }

    [Fact]
    public async Task An_upgraded_connection_carries_bytes_both_ways_and_ends_one_way_first()
    {
        var sawEnd = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
            var text = await connection.ReadTextAsync(5);
            await connection.SendAsync($"got {text}");
            await connection.ReadTextToEndAsync();
            sawEnd.Set();
            await connection.SendAsync("last words");
        });
        await using var proxy = await StartAsync(backend, http: "upgrade_configs: [{upgrade_type: websocket}],");
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET /chat HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");

        (await client.ReadHeadAsync()).Status.Should().Be(101);
        await client.SendAsync("hello");
        Encoding.Latin1.GetString(await client.ReadBytesAsync(9)).Should().Be("got hello");
        await client.AnnounceEndAsync();
        await sawEnd.WaitAsync();

        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("last words");
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task The_end_of_an_answer_is_announced_before_the_connection_ends(string version)
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_root.Issue(null, "localhost")), routes: Says("hello"))));

        // It sees an end that was not announced as an error.
        (await OpenSslClient.GetAsync(proxy.Port, version, "-msg")).Should().Contain("close_notify").And.NotContain("unexpected eof").And.Contain("hello");
    }

    [Fact]
    public async Task A_client_that_ends_without_announcing_it_has_its_answer()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync(Get);
        (await client.ReadResponseAsync()).BodyText.Should().Be("hello");
        client.ShutdownSend();

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.SslAsync("connection_error")).Should().Be(0);
    }

    [Fact]
    public async Task A_client_that_announces_its_end_is_answered_alike()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(backend);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync(Get);
        (await client.ReadResponseAsync()).BodyText.Should().Be("hello");
        await client.AnnounceEndAsync();

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_slow_reader_holds_the_backend_back_and_loses_nothing()
    {
        const int Size = 64 * 1024 * 1024;
        var sent = 0L;
        var block = RandomNumberGenerator.GetBytes(64 * 1024);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {Size}\r\n\r\n");
            for (var i = 0; i < Size / block.Length; i++)
            {
                await connection.SendAsync(block);
                Interlocked.Add(ref sent, block.Length);
            }
        }));
        await using var proxy = await StartAsync(backend);
        await using var client = await RawHttpClient.ConnectTlsAsync(proxy.Port, TlsProxy.Options(), receiveBuffer: 4096);
        await client.SendAsync(Get);
        await client.ReadHeadAsync();

        // It comes to rest while nothing is read, once all buffers on the way are full.
        var (last, quiet) = (-1L, Stopwatch.StartNew());
        await Patience.UntilAsync(
            () =>
            {
                if (Interlocked.Exchange(ref last, Volatile.Read(ref sent)) != Volatile.Read(ref sent))
                {
                    quiet.Restart();
                }

                return quiet.ElapsedMilliseconds > 300;
            },
            "the backend is held back");
        Volatile.Read(ref sent).Should().BeLessThan(Size / 2);

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var left = Size; left > 0;)
        {
            var part = await client.ReadBytesAsync(Math.Min(left, 4 * 1024 * 1024));
            hash.AppendData(part);
            left -= part.Length;
        }

        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < Size / block.Length; i++)
        {
            expected.AppendData(block);
        }

        Convert.ToHexString(hash.GetHashAndReset()).Should().Be(Convert.ToHexString(expected.GetHashAndReset()));
    }

    [Fact]
    public async Task Upstreams_are_told_of_https_and_redirects_to_it_do_not_apply()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StartAsync(backend, host: "require_tls: ALL,");

        var echoed = EchoedRequest.From(await proxy.GetAsync());

        echoed.Headers["x-forwarded-proto"].Should().Be("https");
    }

    [Fact]
    public async Task Idle_connections_are_drained_in_order()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(backend);
        await using var used = await proxy.ConnectAsync();
        await used.SendAsync(Get);
        await used.ReadResponseAsync();
        await using var unused = await proxy.ConnectAsync();
        await using var silent = await RawHttpClient.ConnectAsync(proxy.Port);

        var drained = proxy.DrainAsync();

        (await used.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await unused.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await silent.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        await drained.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_new_certificate_leaves_connections_be()
    {
        using var folder = new TempFolder();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        string Resources(TestCertificate leaf) => $$"""
            resources: [{"@type": type.googleapis.com/envoy.config.listener.v3.Listener, {{Listener(Chain(TlsContext(leaf))).Trim()[1..^1]}} }]
            """;
        var file = folder.Write("lds.yaml", Resources(_root.Issue(new LeafRequest { Subject = "CN=before" }, "localhost")));
        await using var proxy = await TlsProxy.StartYamlAsync($$"""
            node: {id: test, cluster: test}
            admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
            dynamic_resources: {lds_config: {path_config_source: {path: {{file}} }, resource_api_version: V3} }
            static_resources: {clusters: [{{Cluster(backend.Port)}}]}
            """);
        await using var kept = await proxy.ConnectAsync();
        await kept.SendAsync(Get);
        await kept.ReadResponseAsync();
        kept.Secure!.RemoteCertificate!.Subject.Should().Be("CN=before");

        folder.Write("lds.new", Resources(_root.Issue(new LeafRequest { Subject = "CN=after" }, "localhost")));
        File.Move(folder.File("lds.new"), file, overwrite: true);
        await Patience.UntilAsync(
            async () =>
            {
                await using var fresh = await proxy.ConnectAsync();
                return fresh.Secure!.RemoteCertificate!.Subject == "CN=after";
            },
            "the new certificate");

        await kept.SendAsync(Get);
        (await kept.ReadResponseAsync()).BodyText.Should().Be("hello");
    }

    private static async Task SendAsync(RawHttpClient client, string head, byte[] body)
    {
        await client.SendAsync(head);
        await client.SendAsync(body);
    }

    private Task<TlsProxy> StartAsync(ScriptedBackend backend, string http = "", string host = "") =>
        TlsProxy.StartAsync(Listener(Chain(TlsContext(_root.Issue(null, "localhost")), http: http, host: host)), backend.Port);
}
