using System.Threading.Channels;

namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>
/// Says that something changed, not what. Signals that nobody has waited for yet count as one, so a slow reader costs no memory.
/// Any thread may raise; one reader waits.
/// </summary>
public sealed class ChangeSignal
{
    private readonly Channel<bool> _pending = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Wakes the reader, now or when it next waits. Never blocks.</summary>
    public void Raise() => _pending.Writer.TryWrite(true);

    /// <summary>Completes once something changed since the last wait.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken) => await _pending.Reader.ReadAsync(cancellationToken);
}
