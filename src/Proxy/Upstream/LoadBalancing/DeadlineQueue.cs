namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>A binary heap of indexes by deadline, in which only the first one ever moves. Never grows; one worker owns it.</summary>
internal sealed class DeadlineQueue
{
    private readonly double[] _deadlines;
    private readonly int[] _indexes;

    /// <summary>Takes over at least one deadline; indexes are places in the array.</summary>
    public DeadlineQueue(double[] deadlines)
    {
        _indexes = [.. Enumerable.Range(0, deadlines.Length)];
        _deadlines = deadlines;
        Array.Sort(_deadlines, _indexes);
    }

    /// <summary>The index whose deadline is the earliest.</summary>
    public int First => _indexes[0];

    /// <summary>Gives <see cref="First"/> a deadline that much later.</summary>
    public void Postpone(double interval)
    {
        var deadline = _deadlines[0] + interval;
        var index = _indexes[0];
        var place = 0;
        while (true)
        {
            var child = (2 * place) + 1;
            if (child >= _deadlines.Length)
            {
                break;
            }

            if (child + 1 < _deadlines.Length && _deadlines[child + 1] < _deadlines[child])
            {
                child++;
            }

            if (_deadlines[child] >= deadline)
            {
                break;
            }

            _deadlines[place] = _deadlines[child];
            _indexes[place] = _indexes[child];
            place = child;
        }

        _deadlines[place] = deadline;
        _indexes[place] = index;
    }
}
