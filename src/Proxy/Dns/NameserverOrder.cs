using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>
/// Which server is asked first: as configured, or each in turn; one that lately did not answer comes last, so that a dead server does not cost
/// every query its timeout. Thread-safe.
/// </summary>
internal sealed class NameserverOrder(TimeProvider time)
{
    private static readonly TimeSpan Mistrust = TimeSpan.FromSeconds(30);

    // More servers than this are not configured anywhere; past it, old failures are forgotten.
    private const int MaxRemembered = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPEndPoint, long> _failed = [];
    private int _turn;

    /// <summary>The servers in the order in which they are asked.</summary>
    public ImmutableArray<IPEndPoint> Arrange(ImmutableArray<IPEndPoint> servers, bool rotate)
    {
        lock (_gate)
        {
            var first = rotate ? (_turn++ & int.MaxValue) % servers.Length : 0;
            return [.. servers.Skip(first).Concat(servers.Take(first)).OrderBy(HasFailed)];
        }
    }

    /// <summary>Notes whether a server answered.</summary>
    public void Note(IPEndPoint server, bool answered)
    {
        lock (_gate)
        {
            if (answered)
            {
                _failed.Remove(server);
            }
            else if (_failed.Count < MaxRemembered || _failed.ContainsKey(server))
            {
                _failed[server] = time.GetTimestamp();
            }
        }
    }

    private bool HasFailed(IPEndPoint server) => _failed.TryGetValue(server, out var at) && time.GetElapsedTime(at) < Mistrust;
}
