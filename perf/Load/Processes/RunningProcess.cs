using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace KubeProxyNet.Load.Processes;

/// <summary>A child process pinned to one core. It is ended, with its descendants, by <see cref="DisposeAsync"/>.</summary>
internal sealed class RunningProcess : IAsyncDisposable
{
    private const int MaxOutput = 16 * 1024;
    private const int SigInt = 2;
    private const int SigTerm = 15;
    private const int SigKill = 9;

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private readonly long _started;

    private RunningProcess(Process process, long started)
    {
        _process = process;
        _started = started;
    }

    /// <summary>Time since just before it was started.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_started);

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>How it ended and the last of what it wrote.</summary>
    public string Obituary => $"status {_process.ExitCode}; it wrote: {Output}";

    /// <summary>The last of what it wrote, for the message when it fails.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString().Trim();
            }
        }
    }

    /// <summary>Starts a command; taskset(1) replaces itself by it, so the pid is its own.</summary>
    /// <param name="core">The core that it and its children may use.</param>
    public static RunningProcess Start(
        int core, string command, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? folder = null)
    {
        var start = new ProcessStartInfo("taskset", ["-c", $"{core}", command, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var started = Stopwatch.GetTimestamp();
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        var running = new RunningProcess(process, started);
        process.OutputDataReceived += (_, line) => running.Keep(line.Data);
        process.ErrorDataReceived += (_, line) => running.Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return running;
    }

    /// <summary>Runs a command to its end and returns what it wrote to both outputs. A status other than 0 throws.</summary>
    public static async Task<string> RunAsync(string command, IEnumerable<string> arguments, CancellationToken cancel, string? folder = null)
    {
        var (status, output) = await TryRunAsync(command, arguments, cancel, folder);
        return status == 0 ? output : throw new LoadException($"{command} ended with status {status}:\n{output}");
    }

    /// <summary>Runs a command to its end and returns its status and what it wrote to both outputs.</summary>
    public static async Task<(int Status, string Output)> TryRunAsync(
        string command, IEnumerable<string> arguments, CancellationToken cancel, string? folder = null)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? "",
        })!;
        process.StandardInput.Close();
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancel);
            var output = await process.StandardOutput.ReadToEndAsync(cancel) + await error;
            await process.WaitForExitAsync(cancel);
            return (process.ExitCode, output);
        }
        finally
        {
            if (!process.HasExited)
            {
                _ = kill(process.Id, SigKill);
            }
        }
    }

    /// <summary>Gives a tracer time to attach to its subjects, which it does not tell when it has done.</summary>
    public Task SettleAsync(CancellationToken cancel) => Task.Delay(TimeSpan.FromSeconds(1), cancel);

    /// <summary>Interrupts it, as Ctrl-C does, and waits for its end: a tracer then writes what it has found.</summary>
    public async Task InterruptAsync(CancellationToken cancel)
    {
        if (!_process.HasExited)
        {
            _ = kill(_process.Id, SigInt);
        }

        await _process.WaitForExitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        var tree = ProcessSample.Tree(_process.Id);
        if (!_process.HasExited)
        {
            _ = kill(_process.Id, SigTerm);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                foreach (var pid in tree)
                {
                    _ = kill(pid, SigKill);
                }

                await _process.WaitForExitAsync(CancellationToken.None);
            }
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_output)
        {
            _output.AppendLine(line);
            if (_output.Length > MaxOutput)
            {
                _output.Remove(0, _output.Length - MaxOutput);
            }
        }
    }

    [DllImport("libc", ExactSpelling = true)]
    private static extern int kill(int pid, int signal);
}
