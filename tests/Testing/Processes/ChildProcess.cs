using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;

namespace KubeProxyNet.Testing.Processes;

/// <summary>
/// A real process, its output captured line by line. Every wait ends with the captured output in its message where the process dies first or
/// <see cref="Patience.Limit"/> passes. What still runs at <see cref="DisposeAsync"/> is killed by its pid.
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int MaxLines = 20_000;
    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly List<(bool Error, string Text)> _lines = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(error: false, line.Data);
        process.ErrorDataReceived += (_, line) => Keep(error: true, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Exited = WaitAndFlushAsync();
    }

    public int Id => _process.Id;

    /// <summary>Ends with the exit status, once all output is captured too.</summary>
    public Task<int> Exited { get; }

    public bool HasExited => Exited.IsCompleted;

    /// <summary>Standard output so far.</summary>
    public string Output => Text(error: false);

    /// <summary>Standard error so far.</summary>
    public string Error => Text(error: true);

    /// <summary>Starts a command, without standard input unless that is asked for.</summary>
    /// <param name="environment">Variables added to the test's own; null removes one.</param>
    /// <param name="keepsInput">True to leave its standard input open for <see cref="TypeAsync"/>.</param>
    public static ChildProcess Start(
        string command,
        IEnumerable<string> arguments,
        string? folder = null,
        IReadOnlyDictionary<string, string?>? environment = null,
        bool keepsInput = false)
    {
        var start = new ProcessStartInfo(command, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        if (!keepsInput)
        {
            process.StandardInput.Close();
        }

        return new ChildProcess(process);
    }

    /// <summary>Starts the kpn that was built with the tests.</summary>
    public static ChildProcess StartKpn(params string[] arguments) => Start(KpnBinary.Path, arguments);

    /// <summary>Writes to its standard input at once.</summary>
    public async Task TypeAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<ProcessResult> RunAsync(string command, params string[] arguments)
    {
        await using var process = Start(command, arguments);
        var code = await process.WaitForExitAsync();
        return new ProcessResult(code, process.Output, process.Error);
    }

    /// <summary>Runs kpn to its end.</summary>
    public static Task<ProcessResult> RunKpnAsync(params string[] arguments) => RunAsync(KpnBinary.Path, arguments);

    /// <summary>Waits for a line, of either output, that holds the text; returns the first one.</summary>
    public async Task<string> WaitForLineAsync(string text)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                foreach (var line in _lines)
                {
                    if (line.Text.Contains(text, StringComparison.Ordinal))
                    {
                        return line.Text;
                    }
                }

                changed = _changed.Task;
            }

            if (HasExited)
            {
                throw Failure($"it ended with status {await Exited} before a line with '{text}'");
            }

            try
            {
                await Task.WhenAny(changed, Exited).WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException e)
            {
                throw Failure($"no line with '{text}'", e);
            }
        }
    }

    /// <summary>Waits until a GET of 127.0.0.1 is answered with 200: "/ready" of the admin port by default.</summary>
    public async Task WaitForHttpAsync(int port, string path = "/ready")
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var last = "nothing asked yet";
        try
        {
            await Patience.UntilAsync(
                async () =>
                {
                    if (HasExited)
                    {
                        throw Failure($"it ended with status {await Exited} before port {port} answered");
                    }

                    try
                    {
                        using var response = await client.GetAsync(new Uri($"http://127.0.0.1:{port}{path}"));
                        last = $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}";
                        return response.StatusCode == HttpStatusCode.OK;
                    }
                    catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                    {
                        last = e.Message;
                        return false;
                    }
                },
                $"200 from {path} on port {port}");
        }
        catch (TimeoutException e)
        {
            throw Failure($"{path} on port {port} is not 200 but: {last}", e);
        }
    }

    /// <summary>Sends a signal by kill(2); a process that has ended takes none.</summary>
    public void Signal(ProcessSignal signal)
    {
        if (!HasExited)
        {
            _ = kill(_process.Id, (int)signal);
        }
    }

    /// <summary>SIGTERM, then waits for the end; returns the exit status.</summary>
    public Task<int> TerminateAsync()
    {
        Signal(ProcessSignal.Terminate);
        return WaitForExitAsync();
    }

    /// <summary>SIGKILL, then waits for the end.</summary>
    public async Task KillAsync()
    {
        Signal(ProcessSignal.Kill);
        await WaitForExitAsync();
    }

    /// <summary>Waits for the end; returns the exit status.</summary>
    public async Task<int> WaitForExitAsync()
    {
        try
        {
            return await Exited.WaitAsync(Patience.Limit);
        }
        catch (TimeoutException e)
        {
            throw Failure("it does not end", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Signal(ProcessSignal.Kill);
        await Exited;
        _process.Dispose();
    }

    private async Task<int> WaitAndFlushAsync()
    {
        // Ends only after the last line of both outputs was handed over.
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    private void Keep(bool error, string? text)
    {
        if (text is null)
        {
            return;
        }

        lock (_gate)
        {
            if (_lines.Count == MaxLines)
            {
                _lines.RemoveRange(0, MaxLines / 2);
            }

            _lines.Add((error, text));
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private string Text(bool error)
    {
        lock (_gate)
        {
            return string.Concat(_lines.Where(l => l.Error == error).Select(l => $"{l.Text}\n"));
        }
    }

    private InvalidOperationException Failure(string what, Exception? inner = null) => new(
        $"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)}: {what}\noutput:\n{Output}error:\n{Error}", inner);

    [DllImport("libc", ExactSpelling = true)]
    private static extern int kill(int pid, int signal);
}
