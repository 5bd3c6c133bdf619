using System.Globalization;
using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>The example of TLS that is passed on as it stands in <c>config/examples</c>, from the file to what people see.</summary>
public sealed class PassThroughExampleTests
{
    [Fact]
    public async Task Names_go_their_ways_and_plain_text_is_redirected()
    {
        await using var one = ScriptedBackend.Start(Answer("one"));
        await using var two = ScriptedBackend.Start(Answer("two"));
        var yaml = await File.ReadAllTextAsync(Repository.File("config/examples/envoy-tls-passthrough.yaml"), TestContext.Current.CancellationToken);
        foreach (var (written, used) in new[] { (9901, 0), (10443, 0), (9001, one.Port), (9002, two.Port) })
        {
            yaml = yaml.Replace(string.Create(CultureInfo.InvariantCulture, $"port_value: {written} "), string.Create(CultureInfo.InvariantCulture, $"port_value: {used} "), StringComparison.Ordinal);
        }

        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        await using var proxy = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
        await proxy.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var port = proxy.ListenerAddress("tls")!.Port;

        (await AskAsync(port, "one.example")).Should().Be("one");
        (await AskAsync(port, "a.two.example")).Should().Be("two");
        (await AskAsync(port, "elsewhere.example")).Should().Be("");
        var redirected = await RawHttpClient.GetAsync(port, "/x", "one.example");
        redirected.Headers["location"].Should().Be("https://one.example/x");

        var admin = proxy.AdminAddress!.Port;
        (await RawHttpClient.GetAsync(admin, "/stats?filter=no_filter_chain_match")).BodyText.Should().Contain("no_filter_chain_match: 1");
        (await RawHttpClient.GetAsync(admin, "/explain?url=https://one.example/&listener=tls")).BodyText.Should().Contain("filter chain one").And.Contain("goes on as bytes to one");
        (await RawHttpClient.GetAsync(admin, "/explain?url=https://b.two.example/&listener=tls")).BodyText.Should().Contain("filter chain two");
        (await RawHttpClient.GetAsync(admin, "/explain?url=https://other.example/&listener=tls")).BodyText.Should().Contain("no filter chain is for this connection");
        (await RawHttpClient.GetAsync(admin, "/explain?url=http://one.example/x&listener=tls")).BodyText.Should().Contain("filter chain plain").And.Contain("https://one.example/x");
        (await RawHttpClient.GetAsync(admin, "/listeners")).BodyText.Should().StartWith("tls::");
        (await RawHttpClient.GetAsync(admin, "/config_dump")).BodyText.Should().Contain("a.two.example"[2..]).And.Contain("tcp_proxy.v3.TcpProxy");
    }

    private static BackendScript Answer(string name) => async connection =>
    {
        await connection.ReadTextToEndAsync();
        await connection.SendAsync(name);
    };

    private static async Task<string> AskAsync(int port, string name)
    {
        await using var client = await RawHttpClient.ConnectAsync(port);
        await client.SendAsync(ClientHellos.Make(ClientHellos.ServerName(name)));
        client.ShutdownSend();
        try
        {
            return Encoding.ASCII.GetString(await client.ReadToEndAsync());
        }
        catch (RawFramingException)
        {
            // Closed with its message unread, which is a reset.
            return "";
        }
    }
}
