using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.TestTools;

public sealed class ChildProcessTests
{
    [Fact]
    public async Task Output_and_status_are_captured_whole()
    {
        var result = await ChildProcess.RunAsync("sh", "-c", "echo out; echo err >&2; exit 3");

        result.Should().Be(new ProcessResult(3, "out\n", "err\n"));
    }

    [Fact]
    public async Task A_line_is_waited_for_and_a_signal_arrives()
    {
        await using var process = ChildProcess.Start("sh", ["-c", "echo up; exec sleep 1000"]);

        (await process.WaitForLineAsync("up")).Should().Be("up");

        (await process.TerminateAsync()).Should().Be(128 + 15);
    }

    [Fact]
    public async Task A_process_that_ends_too_early_tells_what_it_wrote()
    {
        await using var process = ChildProcess.Start("sh", ["-c", "echo reason >&2; exit 1"]);

        var wait = () => process.WaitForLineAsync("ready");

        (await wait.Should().ThrowAsync<InvalidOperationException>()).WithMessage("*status 1*reason*");
    }

    [Fact]
    public async Task Disposing_ends_the_process()
    {
        var process = ChildProcess.Start("sleep", ["1000"]);
        await process.DisposeAsync();

        (await process.Exited).Should().Be(128 + 9);
    }

    [Fact]
    public void A_file_is_replaced_whole()
    {
        string path;
        using (var folder = new TempFolder())
        {
            path = folder.Path;
            folder.Write("sub/a.yaml", "one");
            File.ReadAllText(folder.Replace("sub/a.yaml", "two")).Should().Be("two");
            Directory.GetFiles(path, "*", SearchOption.AllDirectories).Should().ContainSingle();
        }

        Directory.Exists(path).Should().BeFalse();
    }

    [Fact]
    public void Free_ports_differ_and_lie_below_the_ephemeral_range()
    {
        var ports = Enumerable.Range(0, 20).Select(_ => FreePort.Take()).ToList();

        ports.Should().OnlyHaveUniqueItems().And.AllSatisfy(p => p.Should().BeInRange(20_000, 32_000));
    }

    [Fact]
    public async Task Steady_traffic_and_the_backend_keep_the_same_ledger()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var traffic = SteadyTraffic.Start(backend.Port, "/t");

        await traffic.WaitForMoreAsync(50);
        var records = await traffic.StopAsync();

        records.Should().OnlyContain(r => r.Response!.Status == 200);
        backend.Requests.Select(r => r.Headers[SteadyTraffic.IdHeader]).Should().BeEquivalentTo(records.Select(r => r.Id));
    }

    [Fact]
    public void A_missing_tool_skips_its_test()
    {
        var require = () => Requires.Tool("no-such-tool");

        require.Should().Throw<SkippedTestException>().WithMessage("$XunitDynamicSkip$*no-such-tool*");
        Requires.Tool("sh").Should().EndWith("/sh");
    }
}
