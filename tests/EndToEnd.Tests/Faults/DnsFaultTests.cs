using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>
/// A name that stops resolving and comes back. The proxy runs in a mount namespace of its own, where a file of the test lies over /etc/hosts: the
/// system's stays as it is.
/// </summary>
public sealed class DnsFaultTests
{
    private const string Name = "backend.faults.test";

    [Fact]
    public async Task A_name_that_fails_keeps_its_last_address_and_a_new_one_is_taken_when_it_returns()
    {
        using var names = await PrivateNames.CreateAsync();
        await using var first = ScriptedBackend.Start(BackendScripts.Echo(), "first");
        await using var second = ScriptedBackend.Start(BackendScripts.Echo(), "second", System.Net.IPAddress.Parse("127.0.0.2"), first.Port);
        names.Write($"127.0.0.1 {Name}");
        await using var proxy = await StartAsync(names, first.Port);
        await using var traffic = SteadyTraffic.Start(proxy.HttpPort);
        await traffic.WaitForMoreAsync(20);

        names.Write("");
        await proxy.Process.WaitForLineAsync($"\"{Name}\" of cluster backend cannot be resolved");
        await traffic.WaitForMoreAsync(50);
        names.Write($"127.0.0.2 {Name}");
        await traffic.WaitForAsync(static response => EchoedRequest.From(response).Backend == "second");
        await traffic.WaitForMoreAsync(20);

        Ledger.ShouldBalance(await traffic.StopAsync(), first, second);
    }

    [Fact]
    public async Task A_name_that_never_resolved_is_503_until_it_does()
    {
        using var names = await PrivateNames.CreateAsync();
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StartAsync(names, backend.Port);
        (await proxy.GetAsync()).Status.Should().Be(503);

        names.Write($"127.0.0.1 {Name}");

        await Patience.UntilAsync(async () => (await proxy.GetAsync()).Status == 200, "an answer of the backend");
        backend.Requests.Should().ContainSingle();
    }

    private static Task<StaticProxy> StartAsync(PrivateNames names, int port) => StaticProxy.StartAsync(
        (_, http, admin) => Bootstraps.Static(
            admin,
            Bootstraps.Listener("http", http, Bootstraps.Route("backend")),
            $$"""{ name: backend, type: STRICT_DNS, dns_refresh_rate: 0.1s, connect_timeout: 1s, load_assignment: { cluster_name: backend, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: {{Name}}, port_value: {{port}} } } } } ] } ] } }"""),
        limits: names.Enter);

    /// <summary>A hosts file, a resolv.conf that names no server and the shell commands that lay them over the system's for one process.</summary>
    private sealed class PrivateNames : IDisposable
    {
        private readonly TempFolder _folder = new();

        private PrivateNames()
        {
            Write("");
            _folder.Write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
        }

        public string Enter =>
            $"exec unshare -m sh -c 'mount --bind {_folder.File("hosts")} /etc/hosts && mount --bind {_folder.File("resolv.conf")} /etc/resolv.conf && exec \"$0\" \"$@\"' \"$0\" \"$@\"";

        /// <summary>Skips the test where this user may not have a mount namespace.</summary>
        public static async Task<PrivateNames> CreateAsync()
        {
            Requires.Tool("unshare");
            var names = new PrivateNames();
            var probe = await ChildProcess.RunAsync("/bin/sh", "-c", names.Enter, "true");
            Requires.That(probe.ExitCode == 0, "no mount namespace for this user");
            return names;
        }

        /// <summary>Replaces the names; the file stays the same one, since a mount follows a file and not its path.</summary>
        public void Write(string line) => _folder.Write("hosts", $"127.0.0.1 localhost\n{line}\n");

        public void Dispose() => _folder.Dispose();
    }
}
