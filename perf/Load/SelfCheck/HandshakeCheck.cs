using System.Runtime.CompilerServices;
using System.Text.Json;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Scenarios;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.SelfCheck;

/// <summary>Checks the generator of TLS handshakes against a server in this process that is sound, or wrong on purpose.</summary>
internal static class HandshakeCheck
{
    private const int Connections = 8;
    private const int FaultStatus = 3;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(0.5);

    private static readonly (TlsFault Fault, string Name, string Found)[] Faults =
    [
        (TlsFault.Cut, "an answer that is cut short and properly ended", "an answer was cut short"),
        (TlsFault.Tear, "an answer that is cut short by the end of the connection", "an answer was cut short"),
        (TlsFault.Lengthen, "an answer with bytes beyond its end", "a body of"),
        (TlsFault.Shorten, "an answer shorter than the backend's", "a body of"),
        (TlsFault.Refuse, "a status other than 200", "not an answer with status 200"),
        (TlsFault.HangUp, "a handshake that fails", "a handshake failed"),
    ];

    /// <summary>What is checked, and what is wrong with it; null when it holds.</summary>
    public static async IAsyncEnumerable<(string Name, string? Wrong)> ResultsAsync(string folder, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var certificate = ServerCertificate.Create(folder);
        var generator = new Handshakes(await Handshakes.CompileAsync(folder, cancel), Stage.LoadCore, Connections, FaultyTlsServer.BodySize);
        async Task<Run> RunAsync(TlsFault fault, bool serverResumes, bool resume)
        {
            await using var server = new FaultyTlsServer(certificate, fault, serverResumes);
            var (status, output) = await generator.TryAsync(server.Port, resume, Duration, ["--patience", "2"], cancel);
            return new Run(status, output, server.Sound);
        }

        var full = await RunAsync(TlsFault.None, serverResumes: true, resume: false);
        yield return ("full handshakes are all full, though tickets were given", full.Wrong(
            full is { Status: 0, Errors: 0, Resumed: 0, Unclean: 0, Requests: > 0 } && full.Requests == full.Sound && full.Tickets >= full.Requests));

        var resumed = await RunAsync(TlsFault.None, serverResumes: true, resume: true);
        yield return ("resumed handshakes are all resumed but the first", resumed.Wrong(
            resumed is { Status: 0, Errors: 0, Unclean: 0, Requests: > 1 } && resumed.Requests == resumed.Sound && resumed.Resumed == resumed.Requests - 1));

        var refused = await RunAsync(TlsFault.None, serverResumes: false, resume: true);
        yield return ("a server that resumes nothing is found out", refused.Wrong(refused.Status == FaultStatus && refused.Errors > 0));

        foreach (var (fault, name, found) in Faults)
        {
            var run = await RunAsync(fault, serverResumes: true, resume: false);
            yield return ($"{name} is seen, and the other answers are counted", run.Wrong(
                run.Status == FaultStatus && run.Errors > 0 && run.Requests == run.Sound
                && run.Output.Contains(found, StringComparison.Ordinal)));
        }

        var silent = await RunAsync(TlsFault.NoNotify, serverResumes: true, resume: false);
        yield return ("a connection that ends without close_notify is counted as that", silent.Wrong(
            silent is { Status: 0, Errors: 0, Unclean: > 0 } && silent.Requests == silent.Sound && silent.Unclean < silent.Requests));
    }

    private sealed record Run(int Status, string Output, int Sound)
    {
        public long Requests => Value("requests");

        public long Errors => Value("errors");

        public long Resumed => Value("resumed");

        public long Tickets => Value("tickets");

        public long Unclean => Value("unclean");

        /// <summary>What to print where it does not hold.</summary>
        public string? Wrong(bool holds) => holds ? null : $"status {Status}, {Sound} sound answers\n{Output}";

        private long Value(string name)
        {
            using var json = JsonDocument.Parse(Output.Split('\n').Last(l => l.StartsWith('{')));
            return json.RootElement.GetProperty(name).GetInt64();
        }
    }
}
