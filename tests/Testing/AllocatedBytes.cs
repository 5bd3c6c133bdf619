namespace KubeProxyNet.Testing;

/// <summary>What code allocates on the heap of its thread.</summary>
public static class AllocatedBytes
{
    private const int Rounds = 5;

    /// <summary>
    /// The least of several runs, in bytes. A collection that another thread starts gives up what this one had reserved and not used, and one run then seems to
    /// have allocated it; what the code allocates itself is in every run.
    /// </summary>
    /// <param name="work">What is run, some times one after the other.</param>
    public static long Least(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var least = long.MaxValue;
        for (var round = 0; round < Rounds && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
