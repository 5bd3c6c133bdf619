using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>
/// Who is connected and what they answered. A rejection is logged when it comes and not again while the same proxy gives the same reason, even over
/// reconnects; so is its end. Any thread may use it.
/// </summary>
internal sealed class ConnectedProxies(TimeProvider timeProvider, ILogger logger)
{
    /// <summary>Rejections remembered; past it all are forgotten, which costs a repeated line in the log.</summary>
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<long, ProxyStatus> _connected = new();
    private readonly ConcurrentDictionary<(string Node, string TypeUrl), string> _rejections = new();
    private long _lastId;

    public IReadOnlyCollection<ProxyStatus> Current => [.. _connected.Values.OrderBy(proxy => proxy.NodeId, StringComparer.Ordinal)];

    /// <summary>Takes a new stream in.</summary>
    /// <returns>The stream's number for the other calls.</returns>
    public long Add()
    {
        var id = Interlocked.Increment(ref _lastId);
        _connected[id] = new ProxyStatus("", "", timeProvider.GetUtcNow(), IsSettled: false, ImmutableSortedDictionary.Create<string, TypeStatus>(StringComparer.Ordinal));
        return id;
    }

    public void Remove(long id)
    {
        if (_connected.TryRemove(id, out var proxy) && proxy.NodeId.Length > 0)
        {
            logger.LogInformation("Proxy {Node} disconnected", proxy.NodeId);
        }
    }

    /// <summary>Takes down what a request of a stream meant.</summary>
    public void Record(long id, AdsServerSession session, AdsRequestResult result)
    {
        var before = _connected[id];
        var proxy = before with
        {
            NodeId = Printable(session.Node?.Id),
            NodeCluster = Printable(session.Node?.Cluster),
        };
        if (before.NodeId.Length == 0 && proxy.NodeId.Length > 0)
        {
            logger.LogInformation("Proxy {Node} connected", proxy.NodeId);
        }

        if (result.Kind is AdsRequestKind.Acknowledged or AdsRequestKind.Rejected)
        {
            var isRejected = result.Kind == AdsRequestKind.Rejected;
            var status = new TypeStatus(
                session.AcknowledgedVersion(result.TypeUrl),
                isRejected ? result.Version : null,
                isRejected ? Printable(result.Detail) : null);
            proxy = proxy with { Types = proxy.Types.SetItem(result.TypeUrl, status) };
            Log(proxy.NodeId, result.TypeUrl, status.RejectionReason);
        }

        _connected[id] = proxy;
    }

    /// <summary>Takes down whether a stream has nothing left to send or to be answered.</summary>
    public void SetSettled(long id, bool isSettled)
    {
        if (_connected[id].IsSettled != isSettled)
        {
            _connected[id] = _connected[id] with { IsSettled = isSettled };
        }
    }

    private void Log(string node, string typeUrl, string? rejection)
    {
        var typeName = typeUrl[(typeUrl.LastIndexOf('.') + 1)..];
        if (rejection is null)
        {
            if (_rejections.TryRemove((node, typeUrl), out _))
            {
                logger.LogInformation("Proxy {Node} accepts {Type} again", node, typeName);
            }

            return;
        }

        if (_rejections.Count >= MaxRemembered)
        {
            _rejections.Clear();
        }

        if (!_rejections.TryGetValue((node, typeUrl), out var known) || known != rejection)
        {
            _rejections[(node, typeUrl)] = rejection;
            logger.LogWarning("Proxy {Node} rejected {Type} and keeps what it has: {Reason}", node, typeName, rejection);
        }
    }

    /// <summary>A text of the other side, short and without control characters, so that it cannot forge lines of a log.</summary>
    private static string Printable(string? text)
    {
        var printable = new StringBuilder();
        foreach (var rune in (text ?? "").EnumerateRunes().Take(1024))
        {
            printable.Append(Rune.IsControl(rune) ? new Rune(' ') : rune);
        }

        return printable.ToString();
    }
}
