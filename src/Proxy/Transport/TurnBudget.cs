namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Bytes that a loop may move before it lets the worker's other connections have their turn. A loop whose both ends keep pace would
/// otherwise hold the worker for as long as its body lasts.
/// </summary>
internal struct TurnBudget
{
    /// <summary>Bytes a turn.</summary>
    public const int Bytes = 1024 * 1024;

    private int _spent;

    /// <summary>True where the loop should await <see cref="Worker.NextTurn"/>.</summary>
    public readonly bool IsSpent => _spent >= Bytes;

    /// <summary>Counts what was moved.</summary>
    public void Spend(int bytes) => _spent += bytes;

    /// <summary>The loop gave way, or waited for its own reasons.</summary>
    public void Renew() => _spent = 0;
}
