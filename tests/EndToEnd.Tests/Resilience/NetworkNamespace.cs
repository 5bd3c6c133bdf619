using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>
/// A network namespace of the test's own, behind a pair of virtual interfaces, that can be made to swallow every packet it would send: to the other side it is
/// a host that is there and never answers.
/// </summary>
internal sealed partial class NetworkNamespace : IAsyncDisposable
{
    private const int CloneNewNet = 0x40000000;
    private const int OpenReadOnly = 0;

    private readonly string _ip;
    private readonly string _name;
    private readonly string _outside;
    private readonly IPAddress _host;

    private NetworkNamespace(string ip, string name, int subnet)
    {
        _ip = ip;
        _name = name;
        _outside = name + "h";

        // Of the range for benchmarks (RFC 2544), which is in use nowhere.
        _host = IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"198.19.{subnet}.1"));
        Address = IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"198.19.{subnet}.2"));
    }

    /// <summary>Its address, as seen from outside.</summary>
    public IPAddress Address { get; }

    /// <summary>Makes one; skips the test where that is not permitted.</summary>
    public static async Task<NetworkNamespace> CreateAsync()
    {
        var found = new NetworkNamespace(Requires.Tool("ip"), $"kpn{Environment.ProcessId}", Environment.ProcessId % 250);
        var added = await ChildProcess.RunAsync(found._ip, "netns", "add", found._name);
        Requires.That(added.ExitCode == 0, $"network namespaces are not permitted here: {added.Error.Trim()}");
        try
        {
            await found.IpAsync("link", "add", found._outside, "type", "veth", "peer", "name", "kpn0", "netns", found._name);
            await found.IpAsync("addr", "add", $"{found._host}/30", "dev", found._outside);
            await found.IpAsync("link", "set", found._outside, "up");
            await found.InsideAsync("addr", "add", $"{found.Address}/30", "dev", "kpn0");
            await found.InsideAsync("link", "set", "kpn0", "up");
            return found;
        }
        catch
        {
            await found.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes something whose sockets are in the namespace.</summary>
    public T Inside<T>(Func<T> make)
    {
        var made = default(T);
        Exception? error = null;

        // A thread that ends with it: it cannot be used for anything else any more.
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                made = make();
            }
            catch (Exception caught)
            {
                error = caught;
            }
        });
        thread.Start();
        thread.Join();
        return error is null ? made! : throw new InvalidOperationException($"nothing could be made in {_name}", error);
    }

    /// <summary>From now on nothing comes out of it.</summary>
    public Task SwallowAsync() => InsideAsync("route", "add", "blackhole", $"{_host}/32");

    /// <summary>It answers again.</summary>
    public Task ReturnAsync() => InsideAsync("route", "del", "blackhole", $"{_host}/32");

    public async ValueTask DisposeAsync()
    {
        await ChildProcess.RunAsync(_ip, "link", "del", _outside);
        await ChildProcess.RunAsync(_ip, "netns", "del", _name);
    }

    private void Enter()
    {
        var file = Open($"/run/netns/{_name}", OpenReadOnly);
        if (file < 0 || SetNs(file, CloneNewNet) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }

        _ = Close(file);
    }

    private Task InsideAsync(params string[] arguments) => IpAsync(["-n", _name, .. arguments]);

    private async Task IpAsync(params string[] arguments)
    {
        var result = await ChildProcess.RunAsync(_ip, arguments);
        Requires.That(result.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {result.Error.Trim()}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNs(int file, int type);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
