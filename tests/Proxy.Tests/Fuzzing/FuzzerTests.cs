using AwesomeAssertions;
using KubeProxyNet.Fuzz;

namespace KubeProxyNet.Proxy.Tests.Fuzzing;

/// <summary>A short run of each target of the fuzzer; CI runs many times as many cases as a step of its own.</summary>
public sealed class FuzzerTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("request", 20_000)]
    [InlineData("response", 20_000)]
    [InlineData("chunked", 20_000)]
    [InlineData("connection", 5_000)]
    public void Nothing_is_found_in_a_short_run(string target, int cases)
    {
        using var text = new StringWriter();
        var status = FuzzCommand.Run(["run", "--target", target, "--cases", $"{cases}", "--seed", $"{Environment.TickCount & int.MaxValue}"], text);
        output.WriteLine(text.ToString());
        status.Should().Be(0, text.ToString());
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
