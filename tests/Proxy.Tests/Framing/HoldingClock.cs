using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>
/// The system's clock, with which a test can hold the workers between two of their turns: a worker reads the clock once a turn, right after it
/// has fetched its events. What happens while they are held comes in one batch when they are let go.
/// </summary>
internal sealed class HoldingClock : TimeProvider, IDisposable
{
    private readonly ManualResetEventSlim _isOpen = new(initialState: true);

    /// <summary>Set once a worker is held.</summary>
    public Signal Held { get; } = new();

    public void Hold() => _isOpen.Reset();

    public void LetGo() => _isOpen.Set();

    public override long GetTimestamp()
    {
        if (!_isOpen.IsSet && Thread.CurrentThread.Name?.StartsWith("worker-", StringComparison.Ordinal) == true)
        {
            Held.Set();
            _isOpen.Wait(Patience.Limit);
        }

        return base.GetTimestamp();
    }

    public void Dispose() => _isOpen.Dispose();
}
