namespace KubeProxyNet.Testing.Processes;

/// <summary>Signals of signal(7), by their numbers on Linux.</summary>
public enum ProcessSignal
{
    None = 0,
    Hangup = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
