using System.Runtime.InteropServices;

namespace KubeProxyNet.Cli;

/// <summary>SIGTERM, SIGINT and SIGQUIT as a task. A second signal ends the process at once.</summary>
internal sealed class Termination : IDisposable
{
    private const int SignalExitBase = 128;

    private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    public Termination() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGQUIT, OnSignal),
    ];

    /// <summary>Completes with the first signal.</summary>
    public Task Requested => _requested.Task;

    public void Dispose() => Array.ForEach(_registrations, static registration => registration.Dispose());

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!_requested.TrySetResult())
        {
            Environment.Exit(SignalExitBase + (context.Signal == PosixSignal.SIGINT ? 2 : 15));
        }
    }
}
