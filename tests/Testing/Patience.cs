namespace KubeProxyNet.Testing;

/// <summary>How long a test waits for something that should happen. No test passes because of it: it only bounds a failure.</summary>
public static class Patience
{
    /// <summary>30 s: far above what any waited-for event takes, even on a busy machine.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Asks again and again until <paramref name="condition"/> holds. For states of another process that tell nobody of their change
    /// (a counter on an admin page); whatever can be awaited is awaited instead. Throws <see cref="TimeoutException"/>.
    /// </summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what, CancellationToken cancel = default)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(Limit);
        while (!await condition())
        {
            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), deadline.Token);
            }
            catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
            {
                throw new TimeoutException($"waited {Limit.TotalSeconds} s for: {what}", e);
            }
        }
    }

    /// <inheritdoc cref="UntilAsync(Func{Task{bool}}, string, CancellationToken)"/>
    public static Task UntilAsync(Func<bool> condition, string what, CancellationToken cancel = default) =>
        UntilAsync(() => Task.FromResult(condition()), what, cancel);
}
