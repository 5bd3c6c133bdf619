using System.Globalization;
using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>The processes of one scenario: a backend, proxies, generators. It ends what it started.</summary>
internal sealed class Stage(LoadOptions options, string folder) : IAsyncDisposable
{
    public const int ProxyCore = 0;
    public const int LoadCore = 1;

    private readonly List<RunningProcess> _processes = [];
    private int _started;
    private string? _handshakes;

    public LoadOptions Options => options;

    public string Folder => folder;

    /// <summary>What the proxies present to clients; null in scenarios of plain text.</summary>
    public ServerCertificate? Certificate { get; } = options.Scenario.IsTls() ? ServerCertificate.Create(folder) : null;

    /// <summary>The cheap backend of the closed loops: a fixed answer. Returns its port.</summary>
    public async Task<int> StartBackendAsync(CancellationToken cancel) => (await StartBackendAsync("backend", [], cancel)).Port;

    /// <summary>The cheap backend of calls of gRPC. Returns its port.</summary>
    public async Task<int> StartGrpcBackendAsync(CancellationToken cancel) => (await StartBackendAsync("grpc_backend", [], cancel, http2: true)).Port;

    /// <summary>The backend that keeps a ledger, as a process of its own.</summary>
    /// <param name="fault">What it does wrong, for the check of the ledger; see Native/ledger_backend.c.</param>
    public Task<Backend> StartLedgerBackendAsync(string? fault, CancellationToken cancel) =>
        StartBackendAsync("ledger_backend", fault is null ? [] : [fault], cancel);

    /// <summary>Starts a proxy in front of the backend and waits for its first answer.</summary>
    public async Task<Runner> StartAsync(Contender contender, int backendPort, CancellationToken cancel)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, $"{contender.Name}-{_started++}")).FullName;
        var site = new ContenderSite(options, ProxyCore, LoopbackPort.Free(), backendPort, own, Certificate);
        var process = await contender.StartAsync(site, cancel);
        _processes.Add(process);
        var start = await LoopbackPort.WaitForAnswerAsync(contender.Name, site.Port, contender.Paths[0], process, cancel, Certificate, options.Scenario.IsHttp2());
        var resident = ProcessSample.Of(process.Id).ResidentBytes;
        var negotiated = Certificate is null ? null : await (await HandshakesAsync(cancel)).ProbeAsync(contender.Name, site.Port, cancel);
        return new Runner(contender, await contender.VersionAsync(cancel), process, site.Port, start, resident, negotiated);
    }

    /// <summary>Ends a proxy before the stage ends.</summary>
    public Task EndAsync(Runner runner) => EndAsync(runner.Process);

    /// <summary>A process beside the proxies, such as a tracer, on the generator's core.</summary>
    public RunningProcess StartBeside(string command, IEnumerable<string> arguments)
    {
        var process = RunningProcess.Start(LoadCore, command, arguments);
        _processes.Add(process);
        return process;
    }

    public Wrk Wrk(IReadOnlyList<string> paths) =>
        new(LoadCore, options.Connections, paths, options.Scenario == Scenario.Close, folder, Tls: Certificate is not null);

    /// <summary>The generator of TLS handshakes.</summary>
    public async Task<Handshakes> HandshakesAsync(CancellationToken cancel) =>
        new(_handshakes ??= await Handshakes.CompileAsync(folder, cancel), LoadCore, options.Connections, options.BodySize);

    /// <summary>The open-loop generator beside a backend that keeps a ledger.</summary>
    public Task<OpenLoop> OpenLoopAsync(Backend backend, string path, CancellationToken cancel) =>
        OpenLoopAsync(path, ["--ledger-port", Text(backend.Port)], cancel);

    /// <summary>
    /// The open-loop generator that is the backend, too, in one thread: two processes that share a core would wait for each other's time slices,
    /// which are longer than what is measured. It takes the port over from a backend that stood in for it, and listens there only while it runs.
    /// </summary>
    public async Task<OpenLoop> TakeOverAsync(Backend standIn, string path, CancellationToken cancel)
    {
        await EndAsync(standIn.Process);
        return await OpenLoopAsync(path, ["--backend-port", Text(standIn.Port), "--answer-size", Text(options.BodySize)], cancel);
    }

    /// <summary>Each round begins with another one, and every second round runs backwards, so that a drift of the machine falls on all alike.</summary>
    public static IEnumerable<T> InTurn<T>(IReadOnlyList<T> runners, int round)
    {
        var rotated = runners.Skip(round % runners.Count).Concat(runners.Take(round % runners.Count));
        return round % 2 == 0 ? rotated : rotated.Reverse();
    }

    /// <summary>One line of progress on the error output.</summary>
    public Task SayAsync(int round, string name, FormattableString found) => Console.Error.WriteLineAsync(string.Create(
        CultureInfo.InvariantCulture,
        $"{options.Scenario.Word()} {round + 1}/{options.Rounds} {name,-14} {found.ToString(CultureInfo.InvariantCulture)}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            await process.DisposeAsync();
        }

        Certificate?.Dispose();
    }

    private async Task EndAsync(RunningProcess process)
    {
        _processes.Remove(process);
        await process.DisposeAsync();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<OpenLoop> OpenLoopAsync(string path, string[] backend, CancellationToken cancel) =>
        new(await NativeTool.CompileAsync("open_loop", folder, cancel), LoadCore, options.Connections, path, backend, options.Schedule);

    private async Task<Backend> StartBackendAsync(string name, IEnumerable<string> more, CancellationToken cancel, bool http2 = false)
    {
        if (Environment.ProcessorCount < 2)
        {
            throw new LoadException("two cores are needed: one for the proxy, one for the load generator and the backend");
        }

        var binary = await NativeTool.CompileAsync(name, folder, cancel);
        var port = LoopbackPort.Free();
        var process = RunningProcess.Start(LoadCore, binary, [Text(port), Text(options.BodySize), .. more]);
        _processes.Add(process);
        await LoopbackPort.WaitForAnswerAsync("the backend", port, "/", process, cancel, http2: http2);
        return new Backend(process, port);
    }
}

/// <summary>A backend that runs.</summary>
internal sealed record Backend(RunningProcess Process, int Port);

/// <summary>A proxy that runs.</summary>
/// <param name="Start">From the start of its process to its first answer.</param>
/// <param name="ResidentAtStart">Right after its first answer, in bytes.</param>
/// <param name="Negotiated">What a handshake with it agreed on; null in scenarios of plain text.</param>
internal sealed record Runner(
    Contender Contender, string Version, RunningProcess Process, int Port, TimeSpan Start, long ResidentAtStart, Negotiated? Negotiated)
{
    public string Name => Contender.Name;

    public string VersionLine => $"{Name}: {Version}";

    /// <summary>Throws if the process is gone.</summary>
    public void MustLive()
    {
        if (Process.HasExited)
        {
            throw new LoadException($"{Name} ended under load: {Process.Obituary}");
        }
    }
}
