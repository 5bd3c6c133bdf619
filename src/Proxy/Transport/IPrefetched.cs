namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// What a coming event will touch. With hundreds of connections, what belongs to one of them has left the processor's nearer caches before its next event, and each object that
/// leads to another would be waited for in turn. Events come in batches, so it can be fetched while others are served.
/// </summary>
internal interface IPrefetched
{
    /// <summary>
    /// Asks for what is about to be touched, and waits for nothing. Called for each <paramref name="step"/> from 0 to <see cref="Steps"/> - 1, with other events between: what one step
    /// has asked for, the next may look into. Says nothing of what will happen: it must not change anything.
    /// </summary>
    /// <param name="step">How far from the first object the objects to be asked for stand.</param>
    void Prefetch(int step)
    {
    }

    /// <summary>Number of steps.</summary>
    const int Steps = 3;
}
