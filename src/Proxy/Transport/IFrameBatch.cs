namespace KubeProxyNet.Proxy.Transport;

/// <summary>A connection that has frames in <see cref="Worker.BatchMemory"/>, which leave with the turn.</summary>
internal interface IFrameBatch
{
    /// <summary>Sends them now: somebody else needs the memory.</summary>
    void SendBatch();
}
