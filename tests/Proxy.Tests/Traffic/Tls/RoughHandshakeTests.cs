using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Handshakes in pieces, without end, with garbage, and what clients try after them.</summary>
public sealed class RoughHandshakeTests : IDisposable
{
    private const string Request = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task A_client_hello_in_two_pieces_is_a_whole_one_wherever_it_is_cut(SslProtocols version)
    {
        await using var proxy = await StartAsync();
        await using var probe = SplitRelay.Start(proxy.Port, int.MaxValue);
        await GetAsync(probe.Port, version);
        var length = probe.FirstLength;
        length.Should().BeInRange(100, 2000);

        for (var cut = 1; cut < length; cut++)
        {
            await using var relay = SplitRelay.Start(proxy.Port, cut);
            (await GetAsync(relay.Port, version)).BodyText.Should().Be("hello", $"cut after {cut} bytes");
        }

        (await proxy.SslAsync("connection_error")).Should().Be(0);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task A_whole_exchange_goes_byte_by_byte_both_ways(SslProtocols version)
    {
        await using var proxy = await StartAsync();
        await using var relay = SplitRelay.Start(proxy.Port, 0);

        (await GetAsync(relay.Port, version)).BodyText.Should().Be("hello");
    }

    [Fact]
    public async Task A_client_that_says_nothing_is_closed_at_the_deadline()
    {
        await using var proxy = await StartAsync("transport_socket_connect_timeout: 0.3s,", inspects: false);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        (await proxy.StatAsync("listener.tls.downstream_cx_transport_socket_connect_timeout")).Should().Be(1);
        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Contain("transport_socket_connect_timeout");
        (await proxy.SslAsync("connection_error")).Should().Be(1);
    }

    [Fact]
    public async Task A_client_that_stops_inside_its_handshake_is_closed_at_the_deadline()
    {
        await using var proxy = await StartAsync("transport_socket_connect_timeout: 0.3s,");
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(await HelloAsync());

        // It never answers what the proxy says.
        (await client.ReadToEndAsync()).Should().NotBeEmpty();

        (await proxy.StatAsync("listener.tls.downstream_cx_transport_socket_connect_timeout")).Should().Be(1);
        var failure = await proxy.FailureAsync();
        failure.GetProperty("reason").GetString().Should().Contain("transport_socket_connect_timeout");
        failure.GetProperty("server_name").GetString().Should().Be("localhost");
        (await proxy.GetAsync()).BodyText.Should().Be("hello");
    }

    [Fact]
    public async Task A_client_that_goes_without_a_word_leaves_no_record()
    {
        await using var proxy = await StartAsync();
        var silent = await RawHttpClient.ConnectAsync(proxy.Port);
        await silent.DisposeAsync();
        await using var plain = await RawHttpClient.ConnectAsync(proxy.Port);
        await plain.SendAsync("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
        await EndOf(plain);

        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Be("http request", "the first record is that of the second client");
    }

    [Fact]
    public async Task Of_many_failures_few_are_written_and_the_others_counted()
    {
        await using var proxy = await StartAsync();
        var failures = 0;
        JsonElement? counting = null;
        await Patience.UntilAsync(
            async () =>
            {
                await using var plain = await RawHttpClient.ConnectAsync(proxy.Port);
                await plain.SendAsync("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
                await EndOf(plain);
                failures++;
                counting = proxy.Failures().Cast<JsonElement?>().FirstOrDefault(static failure => failure!.Value.TryGetProperty("records_left_out", out _));
                return counting is not null;
            },
            "a record that counts others");

        counting!.Value.GetProperty("records_left_out").GetInt32().Should().BeInRange(1, failures - 10);
        (await proxy.SslAsync("connection_error")).Should().Be(failures);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "http request", "https://")]
    [InlineData("\u0000\u0001\u0002 this is nothing that anybody would know", "wrong version number", "does not speak TLS")]
    public async Task Plain_text_to_the_port_of_tls_is_told_as_what_it_is(string bytes, string reason, string remedy)
    {
        await using var proxy = await StartAsync();
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(bytes);
        await EndOf(client);

        var failure = await proxy.FailureAsync();
        failure.GetProperty("reason").GetString().Should().Be(reason);
        failure.GetProperty("remedy").GetString().Should().Contain(remedy);
        (await proxy.SslAsync("connection_error")).Should().Be(1);
        (await proxy.GetAsync()).BodyText.Should().Be("hello");
    }

    [Fact]
    public async Task Garbage_after_the_handshake_ends_that_connection_alone()
    {
        await using var proxy = await StartAsync();
        await using var other = await proxy.ConnectAsync();
        await using var client = await proxy.ConnectAsync();
        await client.Socket.SendAsync(Encoding.ASCII.GetBytes(new string('x', 2000)), TestContext.Current.CancellationToken);

        await using (var rest = new NetworkStream(client.Socket))
        {
            try
            {
                await rest.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
            }
            catch (IOException)
            {
                // A reset ends it as well.
            }
        }

        await other.SendAsync(Request);
        (await other.ReadResponseAsync()).BodyText.Should().Be("hello");
    }

    [Fact]
    public async Task A_renegotiation_is_refused()
    {
        await using var proxy = await StartAsync();
        await using var other = await proxy.ConnectAsync();
        await using var client = OpenSslClient.Start(proxy.Port, "-tls1_2");
        await client.WaitForLineAsync("Verify return code");
        await client.TypeAsync("R\n");
        await client.WaitForExitAsync();

        (client.Output + client.Error).Should().Contain("RENEGOTIATING").And.Contain("no renegotiation");
        await other.SendAsync(Request);
        (await other.ReadResponseAsync()).BodyText.Should().Be("hello");
        (await proxy.SslAsync("handshake")).Should().Be(2);
    }

    [Fact]
    public async Task A_change_of_keys_is_answered()
    {
        await using var proxy = await StartAsync();
        await using var client = OpenSslClient.Start(proxy.Port, "-tls1_3", "-msg");
        await client.WaitForLineAsync("Verify return code");
        await client.TypeAsync("K\n");
        await client.WaitForLineAsync("KEYUPDATE");
        await client.TypeAsync(Request);
        await client.WaitForExitAsync();

        client.Output.Should().Contain("hello").And.Contain(">>> TLS 1.3, Handshake [length 0005], KeyUpdate").And.Contain("<<< TLS 1.3, Handshake [length 0005], KeyUpdate");
    }

    [Fact]
    public async Task Early_data_is_never_taken_and_the_request_is_served_once()
    {
        using var folder = new TempFolder();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_root.Issue(null, "localhost")))), backend.Port);
        var session = folder.File("session");
        var first = await OpenSslClient.GetAsync(proxy.Port, "-tls1_3", "-sess_out", session);
        first.Should().Contain("Max Early Data: 0");

        var second = await OpenSslClient.GetAsync(proxy.Port, "-tls1_3", "-sess_in", session, "-early_data", folder.Write("early", "GET /early HTTP/1.1\r\nhost: localhost\r\n\r\n"));

        second.Should().Contain("Early data was not sent").And.Contain("Reused, ").And.Contain("hello");
        backend.Requests.Should().HaveCount(2).And.OnlyContain(static request => request.Target == "/");
    }

    [Fact]
    public async Task Early_data_that_is_sent_all_the_same_is_skipped()
    {
        using var folder = new TempFolder();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_root.Issue(null, "localhost")))), backend.Port);
        var session = await SessionOfAServerWithEarlyDataAsync(folder);

        var output = await OpenSslClient.GetAsync(proxy.Port, "-tls1_3", "-sess_in", session, "-early_data", folder.Write("early", "GET /early HTTP/1.1\r\nhost: localhost\r\n\r\n"));

        output.Should().Contain("Early data was rejected").And.Contain("hello");
        backend.Requests.Should().ContainSingle().Which.Target.Should().Be("/");
    }

    /// <summary>What a client says first.</summary>
    private static async Task<byte[]> HelloAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var connecting = RawHttpClient.ConnectTlsAsync(((IPEndPoint)listener.LocalEndPoint!).Port, TlsProxy.Options());
        var buffer = new byte[16 * 1024];
        int count;
        using (var accepted = await listener.AcceptAsync())
        {
            count = await accepted.ReceiveAsync(buffer);
        }

        var ending = () => connecting;
        await ending.Should().ThrowAsync<Exception>();
        return buffer[..count];
    }

    private static async Task EndOf(RawHttpClient client)
    {
        try
        {
            await client.ReadToEndAsync();
        }
        catch (RawFramingException)
        {
            // Closed with what it sent unread, which is a reset.
        }
    }

    private static async Task<RawResponse> GetAsync(int port, SslProtocols version)
    {
        await using var client = await RawHttpClient.ConnectTlsAsync(port, TlsProxy.Options(protocols: version));
        await client.SendAsync(Request);
        return await client.ReadResponseAsync();
    }

    /// <summary>A client does not send early data to who never allowed it, so that the ticket comes from another server.</summary>
    private async Task<string> SessionOfAServerWithEarlyDataAsync(TempFolder folder)
    {
        var leaf = _root.Issue(null, "localhost");
        var port = FreePort.Take();
        await using var server = Testing.Processes.ChildProcess.Start(
            Requires.Tool("openssl"),
            ["s_server", "-accept", $"127.0.0.1:{port}", "-cert", folder.Write("s.pem", leaf.Pem), "-key", folder.Write("s.key", leaf.Key), "-early_data"],
            keepsInput: true);
        await server.WaitForLineAsync("ACCEPT");
        var session = folder.File("foreign");
        await using var client = OpenSslClient.Start(port, "-tls1_3", "-sess_out", session);
        await client.WaitForLineAsync("Verify return code");
        await Patience.UntilAsync(() => File.Exists(session) && File.ReadAllText(session).Contains("END SSL SESSION", StringComparison.Ordinal), "a session");
        await client.TypeAsync("Q\n");
        await client.WaitForExitAsync();
        return session;
    }

    private Task<TlsProxy> StartAsync(string chain = "", bool inspects = true) =>
        TlsProxy.StartAsync(Listener(Chain(TlsContext(_root.Issue(null, "localhost")), routes: Says("hello"), chain: chain), inspects: inspects));

    /// <summary>Passes connections on in small pieces: the first bytes cut once at an offset, or, with the offset 0, everything byte by byte.</summary>
    private sealed class SplitRelay : IAsyncDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly int _target;
        private readonly int _cut;
        private readonly Task _running;

        private SplitRelay(int target, int cut)
        {
            (_target, _cut) = (target, cut);
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
            _running = RunAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        /// <summary>Bytes that the client sent at first.</summary>
        public int FirstLength { get; private set; }

        public static SplitRelay Start(int target, int cut) => new(target, cut);

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _running;
        }

        private async Task RunAsync()
        {
            try
            {
                using var client = await _listener.AcceptAsync();
                using var proxy = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                client.NoDelay = true;
                await proxy.ConnectAsync(IPAddress.Loopback, _target);
                await Task.WhenAll(PassAsync(client, proxy, isClient: true), PassAsync(proxy, client, isClient: false));
            }
            catch (SocketException)
            {
                // One side is gone: so is the other.
            }
        }

        private async Task PassAsync(Socket from, Socket to, bool isClient)
        {
            var buffer = new byte[16 * 1024];
            var isFirst = isClient;
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                if (isFirst)
                {
                    FirstLength = count;
                }

                for (var sent = 0; sent < count;)
                {
                    var piece = _cut == 0 ? 1 : isFirst && sent == 0 ? Math.Min(_cut, count) : count - sent;
                    sent += await to.SendAsync(buffer.AsMemory(sent, piece));
                }

                isFirst = false;
            }

            to.Shutdown(SocketShutdown.Send);
        }
    }
}
