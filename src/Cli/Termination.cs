using System.Runtime.InteropServices;

namespace KubeProxyNet.Cli;

/// <summary>
/// SIGTERM, SIGINT and SIGQUIT as a task. A second signal ends the process at once. SIGHUP, which would end it without draining and which operators send to have
/// files read or logs opened again, is eaten with a word of what does that here, as Envoy eats it.
/// </summary>
internal sealed class Termination : IDisposable
{
    private const int SignalExitBase = 128;

    private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Takes the signals.</summary>
    /// <param name="endsOnHangup">True where the process belongs to a terminal, and SIGHUP ends it as the others do.</param>
    public Termination(bool endsOnHangup = false) => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, endsOnHangup ? OnSignal : OnHangup),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGQUIT, OnSignal),
    ];

    /// <summary>Completes with the first signal.</summary>
    public Task Requested => _requested.Task;

    public void Dispose() => Array.ForEach(_registrations, static registration => registration.Dispose());

    private static void OnHangup(PosixSignalContext context)
    {
        context.Cancel = true;
        Console.Error.WriteLine("kpn: SIGHUP changes nothing: watched files are read again by themselves, and POST /reopen_logs on the admin page opens access logs anew; SIGTERM ends");
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!_requested.TrySetResult())
        {
            Environment.Exit(SignalExitBase + (context.Signal == PosixSignal.SIGINT ? 2 : 15));
        }
    }
}
