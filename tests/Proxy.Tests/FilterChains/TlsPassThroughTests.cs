using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>TLS that is ended by others: its connections are told apart by server name and passed on as they are.</summary>
public sealed class TlsPassThroughTests
{
    private static RunningProxy Start(int one, int two) => ChainProxy.Start(
        listener => listener with
        {
            ListenerFilters = [new TlsInspectorConfig()],
            FilterChains =
            [
                ChainProxy.Tcp(listener, "one", ChainProxy.Named("one.example")),
                ChainProxy.Tcp(listener, "two", ChainProxy.Named("*.two.example")),
                ChainProxy.Answering("plain", new FilterChainMatch { TransportProtocol = "raw_buffer" }),
            ],
        },
        RunningProxy.Cluster("one", one), RunningProxy.Cluster("two", two));

    [Fact]
    public async Task Each_server_shows_its_own_certificate()
    {
        using var folder = new TempFolder();
        await using var one = await ServeAsync(folder, "one");
        await using var two = await ServeAsync(folder, "two");
        await using var proxy = Start(one.Port, two.Port);
        (await SubjectAsync(proxy.Port, "ONE.example")).Should().Contain("CN = one");
        (await SubjectAsync(proxy.Port, "x.two.example")).Should().Contain("CN = two");
        (await SubjectAsync(proxy.Port, "two.example")).Should().NotContain("CN = ");
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("plain");
        await proxy.WaitForNoConnectionsAsync();
        var log = await proxy.LogLinesAsync(2);
        log[0].Should().StartWith("one.example one - ").And.EndWith(" one");
        log[1].Should().StartWith("x.two.example two - ").And.EndWith(" two");
        proxy.Stat("tls_inspector.tls_found").Should().Be(3);
        proxy.Stat("tls_inspector.sni_found").Should().Be(3);
        proxy.Stat("tls_inspector.tls_not_found").Should().Be(1);
    }

    [Fact]
    public async Task A_message_in_two_pieces_is_passed_on_whole_wherever_it_is_cut()
    {
        var hello = await ClientHellos.OfOpenSslAsync("-servername", "one.example");
        await using var backend = ScriptedBackend.Start(async connection => await connection.SendAsync(Convert.ToHexString(System.Text.Encoding.Latin1.GetBytes(await connection.ReadTextAsync(hello.Length)))));
        await using var proxy = Start(backend.Port, backend.Port);
        for (var cut = 1; cut < hello.Length; cut++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync(hello.AsMemory(0, cut));
            await client.SendAsync(hello.AsMemory(cut));
            client.ShutdownSend();
            System.Text.Encoding.ASCII.GetString(await client.ReadToEndAsync()).Should().Be(Convert.ToHexString(hello));
        }
    }

    [Fact]
    public async Task A_message_that_comes_byte_by_byte_is_passed_on_whole()
    {
        var hello = ClientHellos.Make([.. ClientHellos.ServerName("one.example"), .. ClientHellos.Alpn("h2")], recordSize: 20);
        await using var backend = ScriptedBackend.Start(async connection => await connection.SendAsync(Convert.ToHexString(System.Text.Encoding.Latin1.GetBytes(await connection.ReadTextAsync(hello.Length)))));
        await using var proxy = Start(backend.Port, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendByteByByteAsync(System.Text.Encoding.Latin1.GetString(hello));
        client.ShutdownSend();
        System.Text.Encoding.ASCII.GetString(await client.ReadToEndAsync()).Should().Be(Convert.ToHexString(hello));
    }

    private static async Task<string> SubjectAsync(int port, string name)
    {
        var result = await ChildProcess.RunAsync(Requires.Tool("openssl"), "s_client", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "-servername", name);
        return result.Output;
    }

    private static async Task<Server> ServeAsync(TempFolder folder, string name)
    {
        var openssl = Requires.Tool("openssl");
        var made = await ChildProcess.RunAsync(
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", $"/CN={name}",
            "-keyout", folder.File($"{name}.key"), "-out", folder.File($"{name}.pem"));
        made.ExitCode.Should().Be(0, made.Error);
        var process = ChildProcess.Start(openssl, ["s_server", "-accept", "127.0.0.1:0", "-cert", folder.File($"{name}.pem"), "-key", folder.File($"{name}.key"), "-www"]);
        var line = await process.WaitForLineAsync("ACCEPT ");
        return new Server(process, int.Parse(line[(line.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture));
    }

    private sealed record Server(ChildProcess Process, int Port) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Process.DisposeAsync();
    }
}
