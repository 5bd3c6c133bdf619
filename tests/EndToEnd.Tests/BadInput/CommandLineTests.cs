using System.Net;
using System.Net.Sockets;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.BadInput;

/// <summary>Exit status 2 for a wrong command line, 1 for wrong input, 0 otherwise; never a stack trace.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("'frobnicate'", "frobnicate")]
    [InlineData("'--bogus'", "proxy", "-c", "x", "--bogus")]
    [InlineData("--config-path", "proxy")]
    [InlineData("--concurrency must be at least 1", "proxy", "-c", "x", "--concurrency", "0")]
    [InlineData("--concurrency must be at least 1", "run", "--manifests", ".", "--concurrency", "-1")]
    [InlineData("--drain-time-s must be at least 0", "proxy", "-c", "x", "--drain-time-s", "-1")]
    [InlineData("--drain-time-s must be at least 0", "run", "--manifests", ".", "--drain-time-s", "-1")]
    [InlineData("'x'", "run", "--manifests", ".", "--http-port", "x")]
    [InlineData("--http-port must be from 0 to 65535", "run", "--manifests", ".", "--http-port", "65536")]
    [InlineData("--admin-port must be from 0 to 65535", "run", "--manifests", ".", "--admin-port", "99999")]
    [InlineData("--http-port must be from 0 to 65535", "control-plane", "--source", ".", "--http-port", "-1")]
    [InlineData("--http-address: \"here\" is no IP address", "control-plane", "--source", ".", "--http-address", "here")]
    [InlineData("--xds-address: \"localhost\" is no address; write an IP address and a port", "control-plane", "--source", ".", "--xds-address", "localhost")]
    [InlineData("--xds-address: \"::1\" is no address", "control-plane", "--source", ".", "--xds-address", "::1")]
    [InlineData("--https-port must be from 0 to 65535", "run", "--manifests", ".", "--https-port", "65536")]
    [InlineData("--https-redirect-port must be from 1 to 65535", "run", "--manifests", ".", "--https-redirect-port", "0")]
    [InlineData("--http-port and --https-port are both 8443", "control-plane", "--source", ".", "--http-port", "8443")]
    [InlineData("--default-tls-secret: \"cert\" names no object; write NAMESPACE/NAME", "run", "--manifests", ".", "--default-tls-secret", "cert")]
    [InlineData("'validate'", "validate")]
    public async Task A_wrong_command_line_is_status_2_and_says_which_part(string part, params string[] arguments)
    {
        var result = await ChildProcess.RunKpnAsync(arguments);

        result.ExitCode.Should().Be(2);
        result.Output.Should().BeEmpty();
        result.Error.Should().Contain(part).And.Contain("kpn --help").And.NotContain("   at ");
    }

    [Theory]
    [InlineData("proxy", "-c", "/nowhere/envoy.yaml")]
    [InlineData("validate", "/nowhere/envoy.yaml")]
    [InlineData("control-plane", "--source", "/nowhere")]
    [InlineData("run", "--manifests", "/nowhere")]
    public async Task A_path_that_does_not_exist_is_status_1_and_named(params string[] arguments)
    {
        var result = await ChildProcess.RunKpnAsync(arguments);

        result.ExitCode.Should().Be(1);
        result.Error.Should().StartWith("kpn: ").And.Contain("/nowhere").And.NotContain("   at ");
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/dev/null")]
    public async Task A_path_that_is_no_bootstrap_is_status_1_and_named(string path)
    {
        var result = await ChildProcess.RunKpnAsync("proxy", "-c", path);

        result.ExitCode.Should().Be(1);
        result.Error.Should().StartWith($"kpn: {path}").And.NotContain("   at ");
    }

    [Fact]
    public async Task Help_is_status_0_on_standard_output()
    {
        var result = await ChildProcess.RunKpnAsync("--help");

        result.ExitCode.Should().Be(0);
        result.Error.Should().BeEmpty();
        result.Output.Should().ContainAll("quickstart", "run", "proxy", "control-plane", "validate");
    }

    [Fact]
    public async Task Good_manifests_are_called_good()
    {
        using var folder = new TempFolder();
        folder.Write("web.yaml", Manifests.Application("web", "web.test", 80));

        var result = await ChildProcess.RunKpnAsync("validate", folder.Path);

        result.Should().Be(new ProcessResult(0, $"{folder.Path}: ok\n", ""));
    }

    [Fact]
    public async Task Every_fault_of_manifests_is_listed_with_file_and_line()
    {
        using var folder = new TempFolder();
        var service = folder.Write("service.yaml", Manifests.Service("web").Replace("port: 80", "port: 80000", StringComparison.Ordinal));
        var ingress = folder.Write("ingress.yaml", Manifests.Ingress("web", "web.test", ("/", "web")).Replace("Prefix", "Prefixed", StringComparison.Ordinal));
        var nonsense = folder.Write("nonsense.yaml", "a: [");

        var result = await ChildProcess.RunKpnAsync("validate", folder.Path);

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"{service}:8:").And.Contain("80000")
            .And.Contain($"{ingress}:11:").And.Contain("Prefixed")
            .And.Contain($"{nonsense}:2:")
            .And.Contain($"{folder.Path}: 3 errors");
    }

    [Fact]
    public async Task The_quickstart_says_which_port_is_busy()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 18081));
            socket.Listen();
        }
        catch (SocketException)
        {
            // Somebody else has it, which is as good.
        }

        var result = await ChildProcess.RunKpnAsync("quickstart");

        result.ExitCode.Should().Be(1);
        result.Output.Should().BeEmpty();
        result.Error.Should().Contain("127.0.0.1:18081").And.Contain("in use").And.NotContain("   at ");
    }

    [Fact]
    public async Task Run_with_a_port_in_use_ends_with_status_1_and_the_reason()
    {
        using var folder = new TempFolder();
        var port = FreePort.Take();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen();

        var result = await ChildProcess.RunKpnAsync(
            "run", "--manifests", folder.Path, "--http-address", "127.0.0.1", "--http-port", $"{port}", "--admin-port", $"{FreePort.Take()}");

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"cannot listen on 127.0.0.1:{port}");
    }

    [Fact]
    public async Task An_xds_address_in_use_is_status_1_and_named()
    {
        using var folder = new TempFolder();
        var port = FreePort.Take();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen();

        var result = await ChildProcess.RunKpnAsync("control-plane", "--source", folder.Path, "--xds-address", $"127.0.0.1:{port}");

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"127.0.0.1:{port} cannot be bound").And.NotContain("   at ");
    }
}
