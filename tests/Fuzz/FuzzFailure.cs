namespace KubeProxyNet.Fuzz;

/// <summary>A case that shows a fault.</summary>
internal sealed class FuzzFailure(string message) : Exception(message);
