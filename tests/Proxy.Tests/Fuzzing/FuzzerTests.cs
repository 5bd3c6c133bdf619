using AwesomeAssertions;
using KubeProxyNet.Fuzz;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.Proxy.Tests.Fuzzing;

/// <summary>A short run of each target of the fuzzer; CI runs many times as many cases as a step of its own.</summary>
public sealed class FuzzerTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("request", 20_000)]
    [InlineData("response", 20_000)]
    [InlineData("chunked", 20_000)]
    [InlineData("hpack", 20_000)]
    [InlineData("frames", 1_000)]
    [InlineData("connection", 5_000)]
    public async Task Nothing_is_found_in_a_short_run(string target, int cases)
    {
        // As a process of its own, since the run judges the growth of the heap.
        var result = await ChildProcess.RunAsync(
            "dotnet", Path.Combine(AppContext.BaseDirectory, "KubeProxyNet.Fuzz.dll"), "run",
            "--target", target, "--cases", $"{cases}", "--seed", $"{Environment.TickCount & int.MaxValue}");
        output.WriteLine(result.Output);
        result.ExitCode.Should().Be(0, result.Output + result.Error);
    }

    [Fact]
    public void A_case_can_be_run_again_by_its_number()
    {
        using var text = new StringWriter();
        FuzzCommand.Run(["run", "--target", "request", "--cases", "1", "--first", "12345", "--seed", "6"], text).Should().Be(0);
        text.ToString().Should().Contain("1 cases from 12345, seed 6");
    }

    [Fact]
    public void Other_arguments_get_the_usage()
    {
        using var text = new StringWriter();
        FuzzCommand.Run(["run", "--seed"], text).Should().Be(2);
        text.ToString().Should().Contain("--target");
    }
}
