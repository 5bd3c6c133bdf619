namespace KubeProxyNet.Testing.Processes;

/// <summary>A process that has ended.</summary>
/// <param name="ExitCode">Its status; 128 + the signal's number where a signal ended it.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
public sealed record ProcessResult(int ExitCode, string Output, string Error);
