using System.Collections.Concurrent;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>What the clients and backends of a run have found, and the connections that are open.</summary>
internal sealed class Findings
{
    private readonly ConcurrentQueue<(long Session, string Problem)> _found = new();

    /// <summary>The clients that are connected, by number.</summary>
    public ConcurrentDictionary<long, Session> Sessions { get; } = new();

    public bool Any => !_found.IsEmpty;

    public IEnumerable<(long Session, string Problem)> All => _found;

    /// <summary>Notes a fault; <paramref name="session"/> is -1 where it belongs to no connection.</summary>
    public void Add(long session, string problem) => _found.Enqueue((session, problem));
}
