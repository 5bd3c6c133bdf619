using System.Net;
using System.Net.Sockets;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.BadInput;

/// <summary>A bootstrap that cannot be run: exit status 1, and every fault with its place and what to do.</summary>
public sealed class BadBootstrapTests
{
    private const string Faulty = """
        admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
        static_resources:
          listeners:
          - name: http
            adress: { socket_address: { address: 127.0.0.1, port_value: 8080 } }
            address: { socket_address: { address: 127.0.0.1, port_value: 8080 } }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: http
                  route_config:
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                      - match: { safe_regex: { regex: "/a(" } }
                        route: { cluster: backend }
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          - name: http
            address: { socket_address: { address: 127.0.0.1, port_value: 8081 } }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: http
                  route_config: { virtual_hosts: [ { name: all, domains: ["*"], routes: [ { match: { prefix: "/" }, route: { cluster: backend } } ] } ] }
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          clusters:
          - name: backend
            type: STATIC
            lb_policy: ROUND_ROBBIN
            connect_timeout: 1s
            load_assignment: { cluster_name: backend, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 80 } } } } ] } ] }
        """;

    [Theory]
    [InlineData("validate")]
    [InlineData("proxy", "-c")]
    public async Task Every_fault_is_listed_with_line_path_and_remedy(params string[] command)
    {
        using var folder = new TempFolder();
        var file = folder.Write("envoy.yaml", Faulty);

        var result = await ChildProcess.RunKpnAsync([.. command, file]);

        result.ExitCode.Should().Be(1);
        result.Error.Should()
            .Contain($"{file}:5: static_resources.listeners[0].adress: unknown field \"adress\" of Listener; did you mean \"address\"?")
            .And.Contain($"{file}:18: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].match.safe_regex.regex: ")
            .And.Contain($"{file}:23: static_resources.listeners[1].name: a listener \"http\" exists already at static_resources.listeners[0]; give each listener its own name")
            .And.Contain($"{file}:38: static_resources.clusters[0].lb_policy: \"ROUND_ROBBIN\" is no value of LbPolicy; did you mean ROUND_ROBIN?");
    }

    [Fact]
    public async Task A_route_to_a_cluster_that_is_not_there_is_told_with_the_nearest_name()
    {
        using var folder = new TempFolder();
        var file = folder.Write("envoy.yaml", Bootstraps.Static(
            FreePort.Take(), Bootstraps.Listener("http", FreePort.Take(), Bootstraps.Route("bakend")), Bootstraps.Cluster("backend", 80)));

        var result = await ChildProcess.RunKpnAsync("proxy", "-c", file);

        result.ExitCode.Should().Be(1);
        result.Error.Should().Be(
            $"kpn: {file}:4: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].route.cluster: "
            + "there is no cluster \"bakend\"; did you mean \"backend\"?\n");
    }

    [Fact]
    public async Task A_json_bootstrap_is_held_to_the_same_rules()
    {
        using var folder = new TempFolder();
        var file = folder.Write("envoy.json", """
            {
              "static_resources": {
                "clusterz": []
              }
            }
            """);

        var result = await ChildProcess.RunKpnAsync("validate", file);

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"{file}:3: static_resources.clusterz: unknown field \"clusterz\" of StaticResources; did you mean \"clusters\"?");
    }

    [Fact]
    public async Task A_folder_is_no_bootstrap()
    {
        using var folder = new TempFolder();

        var result = await ChildProcess.RunKpnAsync("proxy", "-c", folder.Path);

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"{folder.Path}: is a folder; name a file");
    }

    [Fact]
    public async Task A_good_bootstrap_is_called_good_and_nothing_is_started()
    {
        using var folder = new TempFolder();
        var port = FreePort.Take();
        using var holder = Hold(port);
        var file = folder.Write("envoy.yaml", Bootstraps.Static(port, Bootstraps.Listener("http", port + 1, Bootstraps.Route("backend")), Bootstraps.Cluster("backend", 80)));

        var result = await ChildProcess.RunKpnAsync("validate", file);

        result.Should().Be(new ProcessResult(0, $"{file}: ok\n", ""));
    }

    [Theory]
    [InlineData("a: [")]
    [InlineData("just text")]
    [InlineData("- a\n- list")]
    [InlineData("a: &x [*x]")]
    [InlineData("static_resources: {}\n---\nstatic_resources: {}")]
    public async Task Text_that_is_no_bootstrap_is_refused_with_its_line(string text)
    {
        using var folder = new TempFolder();
        var file = folder.Write("envoy.yaml", text);

        var result = await ChildProcess.RunKpnAsync("proxy", "-c", file);

        result.ExitCode.Should().Be(1);
        result.Error.Should().StartWith($"kpn: {file}:").And.NotContain("   at ");
    }

    [Fact]
    public async Task A_listener_on_a_port_in_use_ends_the_start_with_the_address_and_the_remedy()
    {
        var port = FreePort.Take();
        using var holder = Hold(port);
        var result = await RunProxyAsync(Bootstraps.Static(
            FreePort.Take(), Bootstraps.Listener("http", port, Bootstraps.Route("backend")), Bootstraps.Cluster("backend", 80)));

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain("envoy.yaml:4: static_resources.listeners[0].address: ").And.Contain($"cannot listen on 127.0.0.1:{port}: the port is in use by another process; stop it (see `ss -ltnp`) or choose another port");
    }

    [Fact]
    public async Task Another_proxy_on_the_same_port_is_a_port_in_use_too()
    {
        await using var first = await StaticProxy.StartAsync(1, 80);
        var result = await RunProxyAsync(Bootstraps.Static(
            FreePort.Take(), Bootstraps.Listener("http", first.HttpPort, Bootstraps.Route("backend")), Bootstraps.Cluster("backend", 80)));

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"cannot listen on 127.0.0.1:{first.HttpPort}");
    }

    [Fact]
    public async Task An_admin_port_in_use_ends_the_start_too()
    {
        var port = FreePort.Take();
        using var holder = Hold(port);
        var result = await RunProxyAsync(Bootstraps.Static(
            port, Bootstraps.Listener("http", FreePort.Take(), Bootstraps.Route("backend")), Bootstraps.Cluster("backend", 80)));

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"127.0.0.1:{port}").And.Contain("admin").And.Contain("in use").And.NotContain("   at ");
    }

    [Fact]
    public async Task An_access_log_that_cannot_be_written_ends_the_start()
    {
        const string Log = """access_log: [ { name: f, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /nowhere/access.log } } ], """;
        var result = await RunProxyAsync(Bootstraps.Static(
            FreePort.Take(), Bootstraps.Listener("http", FreePort.Take(), Bootstraps.Route("backend"), Log), Bootstraps.Cluster("backend", 80)));

        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain("/nowhere/access.log").And.NotContain("   at ");
    }

    private static async Task<ProcessResult> RunProxyAsync(string bootstrap)
    {
        using var folder = new TempFolder();
        return await ChildProcess.RunKpnAsync("proxy", "-c", folder.Write("envoy.yaml", bootstrap));
    }

    private static Socket Hold(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen();
        return socket;
    }
}
