using System.Globalization;
using System.Text.RegularExpressions;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Generators;

/// <summary>The closed-loop generator of HTTP/2: Debian's h2load on one thread. Each stream that ends is followed by another one.</summary>
/// <param name="Core">The core that it runs on.</param>
/// <param name="Connections">Client connections.</param>
/// <param name="Streams">Streams that each of them has open at once.</param>
/// <param name="Tls">Speaks TLS with the one version, cipher suite and group that all must agree on; h2load believes every certificate.</param>
internal sealed partial record H2load(int Core, int Connections, int Streams, bool Tls)
{
    /// <summary>A file that is posted; null for GET.</summary>
    public string? BodyFile { get; init; }

    /// <summary>Fields of each request, as <c>name: value</c>.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>Requests a second of the duration of a run by time, so that each run ends with whole responses only; null to ask until the time is over.</summary>
    public int? RequestsPerSecond { get; init; }

    /// <summary>Bits of the windows of a stream and of a connection; null for h2load's 30, with which no window is ever empty.</summary>
    public (int Stream, int Connection)? WindowBits { get; init; }

    /// <summary>One run. It throws where h2load fails, or agreed on other keys than all must agree on.</summary>
    public async Task<LoadResult> RunAsync(int port, Slice slice, CancellationToken cancel)
    {
        var requests = slice.Requests ?? (RequestsPerSecond * slice.WholeSeconds);
        string[] arguments =
        [
            "-c", Text(Core), "h2load", "-t1", $"-c{Text(Connections)}", $"-m{Text(Streams)}",
            .. requests is { } count ? (string[])["-n", Text(count)] : ["-D", Text(slice.WholeSeconds)],
            .. WindowBits is { } bits ? (string[])["-w", Text(bits.Stream), "-W", Text(bits.Connection)] : [],
            .. Tls ? (string[])[$"--tls13-ciphers={Negotiated.CipherSuite}", $"--groups={Negotiated.KeyExchange}", "--npn-list=h2"] : [],
            .. BodyFile is { } file ? (string[])["-d", file] : [],
            .. Fields.SelectMany(static field => (string[])["-H", field]),
            $"{(Tls ? "https" : "http")}://127.0.0.1:{Text(port)}/",
        ];
        var output = await RunningProcess.RunAsync("taskset", arguments, cancel);
        return !Tls || (output.Contains($"Cipher: {Negotiated.CipherSuite}", StringComparison.Ordinal) && output.Contains($"Server Temp Key: {Negotiated.KeyExchange}", StringComparison.Ordinal))
            ? Parse(output)
            : throw new LoadException($"h2load agreed on other keys than {Negotiated.CipherSuite} and {Negotiated.KeyExchange}:\n{output}");
    }

    /// <summary>The mean time of a request is all that h2load tells of latencies: there are no percentiles.</summary>
    private static LoadResult Parse(string output)
    {
        var finished = Finished().Match(output);
        var requests = Requests().Match(output);
        var statuses = Statuses().Match(output);
        if (!finished.Success || !requests.Success || !statuses.Success)
        {
            throw new LoadException($"h2load printed no summary:\n{output}");
        }

        var succeeded = Number(requests, "succeeded");
        var errors = Number(requests, "failed") + Number(requests, "errored") + Number(requests, "late");
        return new LoadResult(succeeded, SecondsOf(finished), double.NaN, double.NaN, double.NaN, double.NaN, errors + Math.Max(0, succeeded - Number(statuses, "good")));
    }

    private static double SecondsOf(Match finished) => double.Parse(finished.Groups["time"].ValueSpan, CultureInfo.InvariantCulture) * finished.Groups["unit"].Value switch
    {
        "us" => 1e-6,
        "ms" => 1e-3,
        "m" => 60,
        _ => 1,
    };

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^finished in (?<time>[0-9.]+)(?<unit>us|ms|s|m),", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Finished();

    [GeneratedRegex("^requests: .* done, (?<succeeded>[0-9]+) succeeded, (?<failed>[0-9]+) failed, (?<errored>[0-9]+) errored, (?<late>[0-9]+) timeout", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Requests();

    [GeneratedRegex("^status codes: (?<good>[0-9]+) 2xx", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Statuses();
}
