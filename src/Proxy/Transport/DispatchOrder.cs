namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Which events of a batch come first. Those of one kind run through the same code: one behind the other they find it in the processor's nearest cache, which is
/// smaller than what requests and answers in turn go through (perf/results/2026-11-instructions.md).
/// </summary>
internal enum DispatchOrder : byte
{
    /// <summary>What must be known before anything else of the batch may use the target: news of unused upstream connections.</summary>
    News,

    /// <summary>What ends exchanges: answers of endpoints. What they held is free again for those that begin.</summary>
    Answers,

    /// <summary>Everything else: requests, new connections, what other threads post.</summary>
    Rest,
}
