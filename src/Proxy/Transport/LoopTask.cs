using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// The task of an async method that runs on a worker's loop. Unlike <see cref="ValueTask{T}"/> it never touches the thread pool, flows no
/// execution context and reuses its state machine box per thread, so that a steady state allocates nothing. Await it exactly once, on the
/// worker that created it, or call <see cref="Detach"/>.
/// </summary>
[AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
internal readonly struct LoopTask<T>
{
    private readonly LoopTaskBox<T>? _box;
    private readonly T? _result;
#if KPN_CHECKED
    private readonly int _generation;
#endif

    public LoopTask(T result) => _result = result;

    public LoopTask(LoopTaskBox<T> box)
    {
        _box = box;
#if KPN_CHECKED
        _generation = box.Generation;
#endif
    }

    /// <summary>True where awaiting continues at once.</summary>
    public bool IsCompleted => Box is null or { IsCompleted: true };

    /// <summary>The box while it is this task's: it serves another one once the result has been taken.</summary>
    private LoopTaskBox<T>? Box
    {
        get
        {
#if KPN_CHECKED
            if (_box is not null && _box.Generation != _generation)
            {
                throw new InvalidOperationException("A loop task was used after its result had been taken.");
            }
#endif
            return _box;
        }
    }

    public Awaiter GetAwaiter() => new(this);

    /// <summary>Lets the method run on by itself; its result is dropped, its exception surfaces on the worker's loop.</summary>
    public void Detach() => Box?.Detach();

    public readonly struct Awaiter(LoopTask<T> task) : ILoopAwaiter
    {
        public bool IsCompleted => task.IsCompleted;

        public T GetResult() => task.Box is { } box ? box.TakeResult() : task._result!;

        public void OnCompleted(LoopContinuation continuation) => task.Box!.SetContinuation(continuation);
    }
}

/// <summary>A <see cref="LoopTask{T}"/> without result.</summary>
[AsyncMethodBuilder(typeof(LoopTaskMethodBuilder))]
internal readonly struct LoopTask(LoopTask<LoopTask.Nothing> inner)
{
    public bool IsCompleted => inner.IsCompleted;

    public LoopTask<Nothing>.Awaiter GetAwaiter() => inner.GetAwaiter();

    public void Detach() => inner.Detach();

    /// <summary>The result of a method that returns none.</summary>
    public readonly struct Nothing;
}

/// <summary>Where an unfinished loop task keeps its result and its continuation.</summary>
internal abstract class LoopTaskBox<T> : LoopContinuation
{
    private T? _result;
    private ExceptionDispatchInfo? _error;
    private LoopContinuation? _continuation;
    private bool _detached;

    public bool IsCompleted { get; private set; }

    /// <inheritdoc/>
    public override void Prefetch(int step)
    {
        if (step == 1)
        {
            CacheLines.Prefetch(_continuation, lines: 3);
        }
        else
        {
            // Its caller's own caller.
            _continuation?.Prefetch(1);
        }
    }

#if KPN_CHECKED
    /// <summary>How many tasks the box has served.</summary>
    public int Generation { get; private set; }
#endif

    public void SetContinuation(LoopContinuation continuation)
    {
#if KPN_CHECKED
        if (_continuation is not null || IsCompleted)
        {
            throw new InvalidOperationException("A loop task is awaited twice.");
        }
#endif
        _continuation = continuation;
    }

    public void Detach()
    {
        if (IsCompleted)
        {
            TakeResult();
            return;
        }

        _detached = true;
    }

    public T TakeResult()
    {
        var result = _result;
        var error = _error;
        Recycle();
        error?.Throw();
        return result!;
    }

    public void Complete(T result)
    {
        _result = result;
        Finish();
    }

    public void Fail(Exception error)
    {
        _error = ExceptionDispatchInfo.Capture(error);
        Finish();
    }

    protected abstract void ReturnToPool();

    private void Finish()
    {
        IsCompleted = true;
        var continuation = _continuation;
        _continuation = null;
        if (continuation is not null)
        {
            continuation.Resume();
        }
        else if (_detached)
        {
            TakeResult();
        }
    }

    private void Recycle()
    {
        _result = default;
        _error = null;
        _detached = false;
        IsCompleted = false;
#if KPN_CHECKED
        Generation++;
#endif
        ReturnToPool();
    }
}

/// <summary>A box together with the compiler's state machine, pooled per thread and per async method.</summary>
internal sealed class LoopTaskBox<T, TStateMachine> : LoopTaskBox<T>
    where TStateMachine : IAsyncStateMachine
{
    private const int MaxPooled = 4096;

    [ThreadStatic]
    private static LoopTaskBox<T, TStateMachine>? s_pool;

    [ThreadStatic]
    private static int s_pooled;

    public TStateMachine StateMachine = default!;
    private LoopTaskBox<T, TStateMachine>? _next;

    private LoopTaskBox()
    {
    }

    public static LoopTaskBox<T, TStateMachine> Rent()
    {
        var box = s_pool;
        if (box is null)
        {
            return new LoopTaskBox<T, TStateMachine>();
        }

        s_pool = box._next;
        box._next = null;
        s_pooled--;
        return box;
    }

    protected override void ReturnToPool()
    {
        StateMachine = default!;
        if (s_pooled < MaxPooled)
        {
            _next = s_pool;
            s_pool = this;
            s_pooled++;
        }
    }

    public override void Resume() => StateMachine.MoveNext();
}

/// <summary>What the compiler calls for <c>async LoopTask&lt;T&gt;</c>.</summary>
internal struct LoopTaskMethodBuilder<T>
{
    private LoopTaskBox<T>? _box;
    private T? _result;

    public readonly LoopTask<T> Task => _box is null ? new LoopTask<T>(_result!) : new LoopTask<T>(_box);

    public static LoopTaskMethodBuilder<T> Create() => default;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
        // The box holds the state machine by value; the compiler's own boxing is never used.
    }

    public void SetResult(T result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.Complete(result);
        }
    }

    public readonly void SetException(Exception exception)
    {
        if (_box is null)
        {
            // Thrown to the caller at once: a method that never suspended behaves like a plain call.
            ExceptionDispatchInfo.Throw(exception);
        }

        _box.Fail(exception);
    }

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ILoopAwaiter
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Box(ref stateMachine));

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ILoopAwaiter
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Box(ref stateMachine));

    private LoopTaskBox<T, TStateMachine> Box<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is LoopTaskBox<T, TStateMachine> box)
        {
            return box;
        }

        // This builder lies inside the state machine: it must point to the box before the machine is copied there.
        box = LoopTaskBox<T, TStateMachine>.Rent();
        _box = box;
        box.StateMachine = stateMachine;
        return box;
    }
}

/// <summary>What the compiler calls for <c>async LoopTask</c>.</summary>
internal struct LoopTaskMethodBuilder
{
    private LoopTaskMethodBuilder<LoopTask.Nothing> _inner;

    public readonly LoopTask Task => new(_inner.Task);

    public static LoopTaskMethodBuilder Create() => default;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine) => _inner.SetStateMachine(stateMachine);

    public void SetResult() => _inner.SetResult(default);

    public readonly void SetException(Exception exception) => _inner.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ILoopAwaiter
        where TStateMachine : IAsyncStateMachine => _inner.AwaitOnCompleted(ref awaiter, ref stateMachine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ILoopAwaiter
        where TStateMachine : IAsyncStateMachine => _inner.AwaitUnsafeOnCompleted(ref awaiter, ref stateMachine);
}
