namespace KubeProxyNet.Proxy.Transport;

/// <summary>Something that gathers what it sends over a turn of the loop.</summary>
internal interface ITurnEnd
{
    /// <summary>The turn ends: what was gathered is to be sent.</summary>
    void OnTurnEnd();
}
