using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.BadControlPlane;

/// <summary>Whatever answers at the control plane's address, static configuration is served and one line says what is wrong.</summary>
public sealed class NotAControlPlaneTests
{
    private const string StaticRoute = """{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: static } } }""";

    public static TheoryData<string> Answers => ["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0\0", ""];

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task A_port_that_speaks_something_else_is_told_of_once(string answer)
    {
        using var folder = new TempFolder();
        await using var stranger = ScriptedBackend.Start(async connection =>
        {
            await connection.SendAsync(answer);
            await Task.Delay(TimeSpan.FromMilliseconds(1));
        });
        var (http, admin) = (FreePort.Take(), FreePort.Take());
        await using var proxy = ChildProcess.StartKpn(
            "proxy", "-c", folder.Write("envoy.yaml", Bootstraps.Dynamic(admin, stranger.Port, "1s", "[ " + Bootstraps.Listener("static", http, StaticRoute) + " ]")), "--drain-time-s", "1");

        await proxy.WaitForLineAsync("no control plane at");
        await stranger.WaitForConnectionAsync(3);
        await proxy.WaitForHttpAsync(admin);

        (await RawHttpClient.GetAsync(http)).BodyText.Should().Be("static");
        proxy.Error.Split('\n').Where(line => line.Contains("no control plane at", StringComparison.Ordinal)).Should().ContainSingle();
        (await proxy.TerminateAsync()).Should().Be(0);
    }
}
