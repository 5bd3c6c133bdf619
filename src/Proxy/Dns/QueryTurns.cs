namespace KubeProxyNet.Proxy.Dns;

/// <summary>How many questions may be on the way at the same time; the others wait in order of arrival. Thread-safe.</summary>
/// <param name="free">So many.</param>
internal sealed class QueryTurns(int free)
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private int _free = free;

    /// <summary>Completes when it is one's turn, which has to be given back by <see cref="Leave"/>.</summary>
    public Task EnterAsync()
    {
        lock (_gate)
        {
            if (_free > 0)
            {
                _free--;
                return Task.CompletedTask;
            }

            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            return turn.Task;
        }
    }

    /// <summary>Gives a turn to the next.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (_waiting.TryDequeue(out var next))
            {
                next.SetResult();
            }
            else
            {
                _free++;
            }
        }
    }
}
