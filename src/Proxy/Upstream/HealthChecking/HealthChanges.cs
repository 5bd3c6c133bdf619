using System.Collections.Concurrent;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// Clusters whose health changed, on their way from the workers to the thread that balances them again. A cluster stands here once however often it changes
/// meanwhile, so the queue is no longer than there are clusters, and a thousand results cost one new balancer.
/// </summary>
/// <param name="rebalance">Called by one thread of the pool at a time, with a cluster's name.</param>
internal sealed class HealthChanges(Action<string> rebalance)
{
    private readonly ConcurrentQueue<ClusterHealthChecks> _waiting = new();
    private int _isRunning;

    /// <summary>The health of some endpoint of a cluster changed. For any thread.</summary>
    public void Note(ClusterHealthChecks cluster)
    {
        if (cluster.BeginChange())
        {
            _waiting.Enqueue(cluster);
            if (Interlocked.Exchange(ref _isRunning, 1) == 0)
            {
                ThreadPool.UnsafeQueueUserWorkItem(static changes => changes.Run(), this, preferLocal: false);
            }
        }
    }

    private void Run()
    {
        do
        {
            while (_waiting.TryDequeue(out var cluster))
            {
                cluster.EndChange();
                rebalance(cluster.Cluster.Config.Name);
            }

            Volatile.Write(ref _isRunning, 0);
            Interlocked.MemoryBarrier();
        }
        while (!_waiting.IsEmpty && Interlocked.Exchange(ref _isRunning, 1) == 0);
    }
}
