using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>What a stream costs on the heap that the garbage collector keeps, once its connections are open.</summary>
public sealed class AllocationTests
{
    private const int Few = 2_000;
    private const int Many = 12_000;
    private const int Rounds = 4;

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task A_stream_costs_nothing(bool isHttp2Client, bool isHttp2Backend)
    {
        Requires.That(
            Environment.GetEnvironmentVariable("KPN_BINARY") is { Length: > 0 } || !KpnBinary.Path.Contains("/Debug/", StringComparison.Ordinal),
            "an unoptimised build keeps state machines on the heap; KPN_BINARY names another one");
        var h2load = Requires.Tool("h2load");
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("index.html"), "ok", TestContext.Current.CancellationToken);
        var port = FreePort.Take();
        await using var server = isHttp2Backend
            ? ChildProcess.Start(Requires.Tool("nghttpd"), ["--no-tls", "-v", "-a", "127.0.0.1", "-d", folder.Path, $"{port}"])
            : null;
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await (server?.WaitForLineAsync("listen") ?? Task.CompletedTask);
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { SpeaksHttp2 = isHttp2Backend, Log = "" }, isHttp2Backend ? port : backend.Port);
        string[] version = isHttp2Client ? ["-m", "16"] : ["--h1"];

        async Task<long> RunAsync(int requests)
        {
            var before = await proxy.StatAsync("server.worker_heap_allocated_bytes");
            var loaded = await ChildProcess.RunAsync(h2load, ["-n", $"{requests}", "-c", "4", .. version, $"http://127.0.0.1:{proxy.Port}/"]);
            loaded.Output.Should().Contain($"{requests} succeeded", loaded.Error);
            return await proxy.StatAsync("server.worker_heap_allocated_bytes") - before;
        }

        await RunAsync(Many);

        // Both runs open as many connections; what a connection costs is in both. The least of each is what it always costs.
        var (few, many) = (long.MaxValue, long.MaxValue);
        for (var round = 0; round < Rounds; round++)
        {
            few = Math.Min(few, await RunAsync(Few));
            many = Math.Min(many, await RunAsync(Many));
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{few} bytes for {Few} streams, {many} for {Many}");
        ((many - few) / (Many - Few)).Should().BeLessThan(24, "the smallest object there is has 24 bytes");
    }
}
