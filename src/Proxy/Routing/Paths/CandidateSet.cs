using System.Buffers;
using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>
/// The routes that match a request's path, as ascending lists from several places of the index, given out in ascending order.
/// Routes without further conditions need no list: only the smallest of them can ever be taken.
/// A heap over the lists keeps the order for the price of a logarithm, so that nested prefixes stay far from quadratic.
/// </summary>
internal ref struct CandidateSet
{
    /// <summary>Cursors that a caller should have room for on its stack; more are rented.</summary>
    public const int StackCursors = 16;

    private readonly CandidateLists _source;
    private Span<Cursor> _cursors;
    private Cursor[]? _rented;
    private int _count;
    private bool _ordered;

    public CandidateSet(CandidateLists source, Span<Cursor> cursors)
    {
        _source = source;
        _cursors = cursors;
        FirstUnconditional = int.MaxValue;
    }

    /// <summary>The smallest index of a route that matches whatever else the request holds; <see cref="int.MaxValue"/> for none.</summary>
    public int FirstUnconditional { get; private set; }

    /// <summary>Adds the candidates of one place of the index.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Candidates candidates)
    {
        if (candidates.IsNone)
        {
            return;
        }

        if (candidates.TryGetOnly(out var route))
        {
            FirstUnconditional = Math.Min(FirstUnconditional, route);
        }
        else
        {
            Add(in _source.Ranges[candidates.List]);
        }
    }

    /// <summary>
    /// The next route to look at: ascending, conditional ones up to <see cref="FirstUnconditional"/>, then that one; false at the end.
    /// </summary>
    /// <param name="route">Its index.</param>
    /// <param name="isConditional">Whether more than the path must match.</param>
    public bool TryNext(out int route, out bool isConditional)
    {
        isConditional = false;
        if (!_ordered)
        {
            Order();
        }

        if (_count == 0 || _cursors[0].Route > FirstUnconditional)
        {
            route = FirstUnconditional;
            _count = 0;
            FirstUnconditional = int.MaxValue;
            return route != int.MaxValue;
        }

        isConditional = true;
        ref var top = ref _cursors[0];
        route = top.Route;
        if (++top.Position < top.End)
        {
            top.Route = _source.Routes[top.Position];
        }
        else
        {
            top = _cursors[--_count];
        }

        SiftDown(0);
        return true;
    }

    /// <summary>Gives back what was rented.</summary>
    public readonly void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<Cursor>.Shared.Return(_rented);
        }
    }

    private void Add(ref readonly CandidateRange range)
    {
        FirstUnconditional = Math.Min(FirstUnconditional, range.FirstUnconditional);
        if (_count == _cursors.Length)
        {
            Grow();
        }

        _cursors[_count++] = new Cursor { Route = _source.Routes[range.Start], Position = range.Start, End = range.End };
    }

    private void Grow()
    {
        var larger = ArrayPool<Cursor>.Shared.Rent(_cursors.Length * 2);
        _cursors.CopyTo(larger);
        Dispose();
        _rented = larger;
        _cursors = larger;
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

            if (child + 1 < _count && _cursors[child + 1].Route < _cursors[child].Route)
            {
                child++;
            }

            if (_cursors[parent].Route <= _cursors[child].Route)
            {
                return;
            }

            (_cursors[parent], _cursors[child]) = (_cursors[child], _cursors[parent]);
            parent = child;
        }
    }

    /// <summary>What is left of one list, and its next route.</summary>
    internal struct Cursor
    {
        public int Route;
        public int Position;
        public int End;
    }
}
