using System.Collections.Immutable;
using System.Net;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Resolves the names of one cluster, each by itself and again and again, and tells of the endpoints that they amount to. The cluster is warm with the
/// first answer, of whatever kind. A name that cannot be resolved, or has no address any more, keeps the addresses that it had: a cluster does not
/// lose its endpoints because a DNS server does.
/// </summary>
/// <param name="cluster">The cluster.</param>
/// <param name="resolver">Whom to ask.</param>
/// <param name="publish">Takes the endpoints.</param>
/// <param name="stats">Counts.</param>
/// <param name="random">From 0 up to but not including 1; thread-safe.</param>
/// <param name="time">Clock.</param>
internal sealed class DnsClusterUpdates(
    ClusterEntry cluster, DnsResolver resolver, Action<ImmutableArray<EndpointConfig>> publish, DnsUpdateStats stats, Func<double> random, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly ImmutableArray<IPAddress>[] _known = new ImmutableArray<IPAddress>[cluster.Translated.DnsTargets.Length];

    private bool _isPublished;

    /// <summary>Told when a name begins to fail, and why.</summary>
    public Action<string, string>? Failed { get; init; }

    /// <summary>Told when a name that failed is found again.</summary>
    public Action<string>? Recovered { get; init; }

    private bool IsLogical => cluster.Translated.Source == EndpointSource.LogicalDns;

    private DnsSettings Settings => cluster.Translated.Dns;

    /// <summary>Goes on until it is cancelled.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task RunAsync(CancellationToken cancellation)
    {
        if (_known.Length == 0 || !Settings.WaitForWarm)
        {
            lock (_gate)
            {
                Publish();
            }
        }

        return Task.WhenAll(Enumerable.Range(0, _known.Length).Select(index => FollowAsync(index, cancellation)));
    }

    private async Task FollowAsync(int index, CancellationToken cancellation)
    {
        var host = cluster.Translated.DnsTargets[index].Host;
        var schedule = new DnsSchedule(Settings, random);
        var isFailing = false;
        while (true)
        {
            stats.Count(stats.Attempt);
            var answer = await DnsLookup.ResolveAsync(resolver, host, Settings.Family, schedule.Freshness, cancellation);
            cancellation.ThrowIfCancellationRequested();
            if (answer.Status != DnsStatus.Found || answer.IsStale)
            {
                if (!isFailing)
                {
                    Failed?.Invoke(host, answer.Reason);
                }

                isFailing = true;
            }
            else if (isFailing)
            {
                Recovered?.Invoke(host);
                isFailing = false;
            }

            await Task.Delay(Take(index, answer, schedule), time, cancellation);
        }
    }

    /// <summary>Takes an answer and says how long it holds.</summary>
    private TimeSpan Take(int index, DnsAnswer answer, DnsSchedule schedule)
    {
        lock (_gate)
        {
            var before = _known[index];
            var isChange = false;
            if (answer.Status == DnsStatus.Found && !(answer.IsStale && !before.IsDefault))
            {
                _known[index] = InOrder(answer.Addresses);
                isChange = before.IsDefault || !before.AsSpan().SequenceEqual(_known[index].AsSpan());
            }

            if (isChange || !_isPublished)
            {
                // The first answer makes the cluster warm, even where it says nothing.
                Publish();
            }

            // That there is nothing is looked at again after the usual time, whatever its own is.
            return Count(answer, isChange) ? schedule.AfterAnswer(answer.Addresses.IsEmpty ? TimeSpan.Zero : answer.Ttl) : schedule.AfterFailure();
        }
    }

    private void Publish()
    {
        _isPublished = true;
        publish(Endpoints());
    }

    /// <summary>Counts an answer, and says whether it is one. A name of a logical cluster must have an address; that of a strict one may have none.</summary>
    private bool Count(DnsAnswer answer, bool isChange)
    {
        var isEmpty = answer.Status is DnsStatus.NoData or DnsStatus.NoSuchName;
        if (isEmpty)
        {
            stats.Count(stats.Empty);
        }

        if (answer.Status == DnsStatus.Failed || answer.IsStale || (isEmpty && IsLogical))
        {
            stats.Count(stats.Failure);
            return false;
        }

        stats.Count(stats.Success);
        if (!isChange)
        {
            stats.Count(stats.NoRebuild);
        }

        return true;
    }

    /// <summary>A logical cluster uses the first address of the answer. For a strict one the order says nothing, and servers change it each time.</summary>
    private ImmutableArray<IPAddress> InOrder(ImmutableArray<IPAddress> addresses) =>
        IsLogical ? addresses[..1] : [.. addresses.OrderBy(static address => address.ToString(), StringComparer.Ordinal)];

    private ImmutableArray<EndpointConfig> Endpoints() =>
    [
        .. cluster.Translated.DnsTargets
            .SelectMany((target, index) => (_known[index].IsDefault ? [] : _known[index])
                .Select(address => target.Endpoint with { Address = new SocketEndpoint(address, target.Endpoint.Address.Port) }))
            .DistinctBy(static endpoint => endpoint.Address),
    ];
}
