namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Handshakes that a worker works at in one turn of its loop. A step of one takes as long as dozens of requests: when many clients come at once, those who
/// are connected keep their latency and the others wait in turn.
/// </summary>
internal sealed class HandshakeBudget
{
    /// <summary>Steps a turn.</summary>
    public const int Steps = 4;

    private int _left = Steps;

    /// <summary>Takes a step; false where the turn has none left: await <see cref="Worker.NextTurn"/>.</summary>
    public bool TryTake() => _left-- > 0;

    /// <summary>The turn is over.</summary>
    public void Renew() => _left = Steps;
}
