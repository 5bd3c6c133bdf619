using System.Net;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>Which filter chain serves a client, seen from outside.</summary>
public sealed class FilterChainChoiceTests
{
    private static readonly ListenerFilterConfig[] Tls = [new TlsInspectorConfig()];

    [Fact]
    public async Task Clients_are_told_apart_by_their_address_and_others_are_closed_and_counted()
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            StatPrefix = "l",
            FilterChains = [ChainProxy.Answering("five", ChainProxy.From("127.0.0.5", 32)), ChainProxy.Answering("six", ChainProxy.From("127.0.0.6", 32))],
        });
        foreach (var (address, text) in new[] { ("127.0.0.5", "five"), ("127.0.0.6", "six") })
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port, from: IPAddress.Parse(address));
            await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
            (await client.ReadResponseAsync()).BodyText.Should().Be(text);
        }

        await using var other = await RawHttpClient.ConnectAsync(proxy.Port, from: IPAddress.Parse("127.0.0.7"));
        (await other.ReadToEndAsync()).Should().BeEmpty();
        proxy.Stat("listener.l.no_filter_chain_match").Should().Be(1);
        proxy.Stat("listener.l.downstream_cx_total").Should().Be(3);
        proxy.Stat("listener.l.downstream_pre_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_listener_on_all_addresses_knows_which_of_them_was_meant()
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            Address = new SocketEndpoint(IPAddress.Any, 0),
            FilterChains =
            [
                ChainProxy.Answering("two", new FilterChainMatch { DestinationRanges = new ValueList<CidrRange>([new CidrRange(IPAddress.Parse("127.0.0.2"), 32)]) }),
                ChainProxy.Answering("one", new FilterChainMatch { DestinationRanges = new ValueList<CidrRange>([new CidrRange(IPAddress.Parse("127.0.0.1"), 32)]) }),
                ChainProxy.Answering("port", new FilterChainMatch { DestinationPort = 1 }),
            ],
        });
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("one");
    }

    [Fact]
    public async Task What_fits_none_goes_to_the_default_chain()
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            FilterChains = [ChainProxy.Answering("five", ChainProxy.From("127.0.0.5", 32))],
            DefaultFilterChain = ChainProxy.Answering("others"),
        });
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("others");
    }

    [Fact]
    public async Task The_limit_of_one_chain_is_none_of_another()
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            FilterChains = [ChainProxy.Answering("five", ChainProxy.From("127.0.0.5", 32)) with { MaxConnections = 1, ConnectionLimitStatPrefix = "few" }, ChainProxy.Answering("others")],
        });
        await using var first = await RawHttpClient.ConnectAsync(proxy.Port, from: IPAddress.Parse("127.0.0.5"));
        await first.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        (await first.ReadResponseAsync()).BodyText.Should().Be("five");
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port, from: IPAddress.Parse("127.0.0.5"));
        (await second.ReadToEndAsync()).Should().BeEmpty();
        proxy.Stat("connection_limit.few.limited_connections").Should().Be(1);
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("others");
    }

    [Fact]
    public async Task A_change_of_one_chain_leaves_open_connections_what_they_were()
    {
        await using var proxy = ChainProxy.Start(static listener => listener with
        {
            FilterChains = [ChainProxy.Answering("five", ChainProxy.From("127.0.0.5", 32)), ChainProxy.Answering("old")],
        });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        (await client.ReadResponseAsync()).BodyText.Should().Be("old");
        var changed = proxy.Listener with { FilterChains = [proxy.Listener.FilterChains[0], ChainProxy.Answering("new")] };
        proxy.Engine.Apply(new ConfigurationChange { Listeners = [changed] }).Should().BeEmpty();
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("new");
        await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        (await client.ReadResponseAsync()).BodyText.Should().Be("old");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: h\r\n\r\n", "one", "http11_found")]
    [InlineData("GET / HTTP/1.0\r\nhost: h\r\n\r\n", "zero", "http10_found")]
    public async Task The_version_of_HTTP_is_found_in_whatever_pieces_it_comes(string request, string text, string stat)
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            ListenerFilters = [new TlsInspectorConfig(), new HttpInspectorConfig()],
            FilterChains = [ChainProxy.Answering("one", ChainProxy.Speaking("http/1.1")), Old(ChainProxy.Answering("zero", ChainProxy.Speaking("http/1.0")))],
        });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendByteByByteAsync(request);
        (await client.ReadResponseAsync()).BodyText.Should().Be(text);
        proxy.Stat($"http_inspector.{stat}").Should().Be(1);
        proxy.Stat("tls_inspector.tls_not_found").Should().Be(1);

        static FilterChainConfig Old(FilterChainConfig chain) => chain with { Http = chain.Http! with { AcceptHttp10 = true } };
    }

    [Fact]
    public async Task The_preface_of_HTTP2_is_found_and_passed_on_whole()
    {
        const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        await using var backend = ScriptedBackend.Start(async connection => await connection.SendAsync(await connection.ReadTextAsync(Preface.Length)));
        await using var proxy = ChainProxy.Start(
            listener => listener with
            {
                ListenerFilters = [new HttpInspectorConfig()],
                FilterChains = [ChainProxy.Tcp(listener, "h2c", ChainProxy.Speaking("h2c"))],
            },
            Traffic.RunningProxy.Cluster("h2c", backend.Port));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendByteByByteAsync(Preface);
        Encoding.ASCII.GetString(await client.ReadBytesAsync(Preface.Length)).Should().Be(Preface);
        client.ShutdownSend();
        await client.ReadToEndAsync();
        proxy.Stat("http_inspector.http2_found").Should().Be(1);
    }

    [Fact]
    public async Task Something_else_than_HTTP_is_told_by_its_first_bytes()
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            ListenerFilters = [new HttpInspectorConfig()],
            FilterChains = [ChainProxy.Answering("http", ChainProxy.Speaking("http/1.1"))],
        });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("\0\u0001\u0002");
        await client.WaitForEndAsync();
        proxy.Stat("http_inspector.http_not_found").Should().Be(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_says_nothing_is_closed_after_a_while_or_goes_on(bool goesOn)
    {
        await using var proxy = ChainProxy.Start(listener => listener with
        {
            StatPrefix = "l",
            ListenerFilters = [.. Tls],
            ListenerFiltersTimeout = TimeSpan.FromMilliseconds(50),
            ContinueOnListenerFiltersTimeout = goesOn,
            FilterChains = [ChainProxy.Answering("here")],
        });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        if (goesOn)
        {
            await KubeProxyNet.Testing.Patience.UntilAsync(() => proxy.Stat("listener.l.downstream_pre_cx_timeout") == 1, "the end of the wait");
            await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
            (await client.ReadResponseAsync()).BodyText.Should().Be("here");
        }
        else
        {
            (await client.ReadToEndAsync()).Should().BeEmpty();
        }

        proxy.Stat("listener.l.downstream_pre_cx_timeout").Should().Be(1);
    }

    [Fact]
    public async Task A_client_that_goes_away_in_its_first_message_is_counted()
    {
        await using var proxy = ChainProxy.Start(listener => listener with { StatPrefix = "l", ListenerFilters = [.. Tls], FilterChains = [ChainProxy.Answering("here")] });
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("\u0016\u0003\u0001");
            client.ShutdownSend();
            await client.WaitForEndAsync();
        }

        proxy.Stat("tls_inspector.connection_closed").Should().Be(1);
        proxy.Stat("listener.l.downstream_listener_filter_remote_close").Should().Be(1);
    }

    [Fact]
    public async Task A_first_message_that_is_too_long_ends_the_connection()
    {
        await using var proxy = ChainProxy.Start(listener => listener with { ListenerFilters = [new TlsInspectorConfig { MaxClientHelloBytes = 256 }], FilterChains = [ChainProxy.Answering("here")] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(ClientHellos.Make(ClientHellos.Extension(21, new byte[300])));
        await client.WaitForEndAsync();
        proxy.Stat("tls_inspector.client_hello_too_large").Should().Be(1);
    }

    [Fact]
    public async Task What_is_inspected_while_the_listener_goes_is_closed()
    {
        await using var proxy = ChainProxy.Start(listener => listener with { ListenerFilters = [.. Tls], FilterChains = [ChainProxy.Answering("here")] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await KubeProxyNet.Testing.Patience.UntilAsync(() => proxy.Engine.ConnectionCount == 1, "the connection");
        proxy.Engine.Apply(new ConfigurationChange { Listeners = [] });
        (await client.ReadToEndAsync()).Should().BeEmpty();
    }
}
