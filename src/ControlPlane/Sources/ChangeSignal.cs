using System.Threading.Channels;

namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>
/// Says that something changed, not what. Signals that nobody has waited for yet count as one, so a slow reader costs no memory.
/// Any thread may raise; one reader waits.
/// </summary>
/// <param name="timeProvider">The clock of the waits that end by themselves.</param>
public sealed class ChangeSignal(TimeProvider timeProvider)
{
    private readonly Channel<bool> _pending = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private Task<bool>? _wait;

    /// <summary>Wakes the reader, now or when it next waits. Never blocks.</summary>
    public void Raise() => _pending.Writer.TryWrite(true);

    /// <summary>Completes once something changed since the last wait.</summary>
    /// <param name="limit">Longest wait; <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="cancellationToken">Ends the wait with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>False when the limit passed first.</returns>
    public async Task<bool> WaitAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_pending.Reader.TryRead(out _))
        {
            return true;
        }

        // A wait that the limit cut short is taken up again by the next call: the channel would keep every waiter until the next signal.
        _wait ??= _pending.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
        using (var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            await Task.WhenAny(_wait, Task.Delay(limit, timeProvider, ended.Token));
            await ended.CancelAsync();
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (!_wait.IsCompleted)
        {
            return false;
        }

        _wait = null;
        return _pending.Reader.TryRead(out _);
    }

    /// <summary>
    /// Waits until no signal came for a while, so that a burst is handled once, but no longer than a maximum, so that a steady stream is handled too.
    /// </summary>
    /// <param name="quiet">Time without a signal that ends the wait.</param>
    /// <param name="maximum">Time after which the wait ends in any case.</param>
    /// <param name="cancellationToken">Ends the wait with an <see cref="OperationCanceledException"/>.</param>
    public async Task SettleAsync(TimeSpan quiet, TimeSpan maximum, CancellationToken cancellationToken)
    {
        var began = timeProvider.GetTimestamp();
        var left = maximum;
        while (left > TimeSpan.Zero && await WaitAsync(left < quiet ? left : quiet, cancellationToken))
        {
            left = maximum - timeProvider.GetElapsedTime(began);
        }
    }
}
