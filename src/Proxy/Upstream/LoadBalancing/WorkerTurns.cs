using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Each worker's place in a round. Workers start apart at random, so that neither they nor many proxies that got the same update at once march in
/// step.
/// </summary>
internal sealed class WorkerTurns(int workers)
{
    // A cache line apart, since workers write them at the rate of requests.
    private const int Stride = 16;

    private readonly int[] _turns = new int[workers * Stride];

    /// <summary>The worker's next place in a round of so many.</summary>
    public int Next(Worker worker, int length)
    {
        ref var turn = ref _turns[worker.Index * Stride];
        if (turn == 0)
        {
            turn = 1 + worker.Random.Next(length);
        }

        var next = turn >= length ? 0 : turn;
        turn = next + 1;
        return next;
    }
}
