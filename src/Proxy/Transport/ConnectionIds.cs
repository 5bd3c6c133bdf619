namespace KubeProxyNet.Proxy.Transport;

/// <summary>Numbers connections of either side without sharing a counter between workers.</summary>
internal static class ConnectionIds
{
    public static long Next(Worker worker) => ((long)worker.Index << 48) | (uint)++worker.ConnectionCount;
}
