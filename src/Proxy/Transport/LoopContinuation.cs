using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>What goes on once something awaited has come about: an async method's own box, with no delegate between.</summary>
internal abstract class LoopContinuation : IPrefetched
{
    /// <inheritdoc/>
    public virtual void Prefetch(int step)
    {
    }

    /// <summary>Goes on, on the worker that it waits on.</summary>
    public abstract void Resume();
}

/// <summary>What can be awaited in a <see cref="LoopTask"/>, and nowhere else.</summary>
internal interface ILoopAwaiter : ICriticalNotifyCompletion
{
    /// <summary>Has this go on once it is over.</summary>
    void OnCompleted(LoopContinuation continuation);

    void INotifyCompletion.OnCompleted(Action continuation) => throw new NotSupportedException("Only async methods of a worker's loop can await this.");

    void ICriticalNotifyCompletion.UnsafeOnCompleted(Action continuation) => throw new NotSupportedException("Only async methods of a worker's loop can await this.");
}
