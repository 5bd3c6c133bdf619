namespace KubeProxyNet.Load;

/// <summary>Something that the user can act on; its message is printed without a stack.</summary>
internal sealed class LoadException(string message) : Exception(message);
