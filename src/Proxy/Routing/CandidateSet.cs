using System.Buffers;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// The routes that match a request's path, as ascending lists from several places of the index, given out in ascending order.
/// Routes without further conditions need no list: only the smallest of them can ever be taken.
/// A heap over the lists keeps the order for the price of a logarithm, so that nested prefixes stay far from quadratic.
/// </summary>
internal ref struct CandidateSet
{
    /// <summary>Lists that a caller should have room for on its stack; more are rented.</summary>
    public const int StackLists = 16;

    private readonly int[] _conditional;
    private Span<List> _lists;
    private List[]? _rented;
    private int _count;
    private bool _ordered;

    public CandidateSet(int[] conditional, Span<List> lists)
    {
        _conditional = conditional;
        _lists = lists;
        FirstUnconditional = int.MaxValue;
    }

    /// <summary>The smallest index of a route that matches whatever else the request holds; <see cref="int.MaxValue"/> for none.</summary>
    public int FirstUnconditional { get; private set; }

    /// <summary>Adds the candidates of one place of the index.</summary>
    public void Add(CandidateRange range)
    {
        if (range.FirstUnconditional < FirstUnconditional)
        {
            FirstUnconditional = range.FirstUnconditional;
        }

        if (range.Start == range.End)
        {
            return;
        }

        if (_count == _lists.Length)
        {
            Grow();
        }

        _lists[_count++] = new List { Route = _conditional[range.Start], Position = range.Start, End = range.End };
    }

    /// <summary>
    /// The next route to look at: ascending, conditional ones up to <see cref="FirstUnconditional"/>, then that one; false at the end.
    /// </summary>
    public bool TryNext(out int route)
    {
        if (!_ordered)
        {
            Order();
        }

        if (_count == 0 || _lists[0].Route > FirstUnconditional)
        {
            route = FirstUnconditional;
            _count = 0;
            FirstUnconditional = int.MaxValue;
            return route != int.MaxValue;
        }

        ref var top = ref _lists[0];
        route = top.Route;
        if (++top.Position < top.End)
        {
            top.Route = _conditional[top.Position];
        }
        else
        {
            top = _lists[--_count];
        }

        SiftDown(0);
        return true;
    }

    /// <summary>Gives back what was rented.</summary>
    public readonly void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<List>.Shared.Return(_rented);
        }
    }

    private void Grow()
    {
        var larger = ArrayPool<List>.Shared.Rent(_lists.Length * 2);
        _lists.CopyTo(larger);
        Dispose();
        _rented = larger;
        _lists = larger;
    }

    private void Order()
    {
        _ordered = true;
        for (var i = (_count / 2) - 1; i >= 0; i--)
        {
            SiftDown(i);
        }
    }

    private readonly void SiftDown(int parent)
    {
        while (true)
        {
            var child = (2 * parent) + 1;
            if (child >= _count)
            {
                return;
            }

            if (child + 1 < _count && _lists[child + 1].Route < _lists[child].Route)
            {
                child++;
            }

            if (_lists[parent].Route <= _lists[child].Route)
            {
                return;
            }

            (_lists[parent], _lists[child]) = (_lists[child], _lists[parent]);
            parent = child;
        }
    }

    /// <summary>What is left of one list, and its next route.</summary>
    internal struct List
    {
        public int Route;
        public int Position;
        public int End;
    }
}

/// <summary>
/// Routes of one place of the index: those with conditions beyond the index, ascending, as a range of a shared array; and the first without.
/// Later routes are left out, for they can never be reached.
/// </summary>
internal readonly record struct CandidateRange(int Start, int End, int FirstUnconditional);
