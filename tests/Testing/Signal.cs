namespace KubeProxyNet.Testing;

/// <summary>A one-way gate between a test and its servers: what would be a sleep elsewhere is a wait for the event itself here.</summary>
public sealed class Signal
{
    private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsSet => _source.Task.IsCompleted;

    public void Set() => _source.TrySetResult();

    /// <summary>Waits until set; throws <see cref="TimeoutException"/> after <see cref="Patience.Limit"/>.</summary>
    public Task WaitAsync(CancellationToken cancel = default) => _source.Task.WaitAsync(Patience.Limit, cancel);
}
