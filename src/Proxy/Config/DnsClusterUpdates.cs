using System.Collections.Immutable;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Resolves the names of one cluster, each by itself and again and again, and tells of the endpoints that they amount to. The cluster is warm with the
/// first answer, of whatever kind, and at the latest after <see cref="LongestWait"/>. A name that cannot be resolved keeps the endpoints that it had: a
/// cluster does not lose them because a DNS server does. One that is told to have none gives none, but for that of a logical cluster, as in Envoy.
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
    /// <summary>How long a cluster waits for its first answer at most: as long as for discovery by default. A silent server takes longer to be given up.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();
    private readonly ImmutableArray<EndpointConfig>[] _known = new ImmutableArray<EndpointConfig>[cluster.Translated.DnsTargets.Length];

    private bool _isPublished;

    /// <summary>Told when a name begins to fail, and why.</summary>
    public Action<string, string>? Failed { get; init; }

    /// <summary>Told when a name begins to have no endpoint, and why.</summary>
    public Action<string, string>? Emptied { get; init; }

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

        return Task.WhenAll(Enumerable.Range(0, _known.Length).Select(index => FollowAsync(index, cancellation)).Append(EndWaitAsync(cancellation)));
    }

    private async Task EndWaitAsync(CancellationToken cancellation)
    {
        if (_isPublished)
        {
            return;
        }

        await Task.Delay(LongestWait, time, cancellation);
        lock (_gate)
        {
            if (!_isPublished)
            {
                Publish();
            }
        }
    }

    private async Task FollowAsync(int index, CancellationToken cancellation)
    {
        var target = cluster.Translated.DnsTargets[index];
        var schedule = new DnsSchedule(Settings, random);
        var trouble = Trouble.None;
        while (true)
        {
            stats.Count(stats.Attempt);
            var finding = await DnsFinding.FindAsync(resolver, target, Settings, schedule.Freshness, cancellation);
            cancellation.ThrowIfCancellationRequested();
            var now = TroubleOf(finding.Answer);
            if (now != trouble)
            {
                Tell(target.Host, now, finding.Answer.Reason);
                trouble = now;
            }

            await Task.Delay(Take(index, finding, schedule), time, cancellation);
        }
    }

    private Trouble TroubleOf(DnsAnswer answer) => answer switch
    {
        { Status: DnsStatus.Found, IsStale: false } => Trouble.None,
        { Status: DnsStatus.Found or DnsStatus.Failed } => Trouble.Failing,
        _ => IsLogical ? Trouble.Failing : Trouble.Empty,
    };

    private void Tell(string host, Trouble now, string reason)
    {
        switch (now)
        {
            case Trouble.None:
                Recovered?.Invoke(host);
                break;
            case Trouble.Failing:
                Failed?.Invoke(host, reason);
                break;
            default:
                Emptied?.Invoke(host, reason);
                break;
        }
    }

    /// <summary>Takes an answer and says how long it holds.</summary>
    private TimeSpan Take(int index, DnsFinding finding, DnsSchedule schedule)
    {
        var answer = finding.Answer;
        lock (_gate)
        {
            var before = _known[index];
            var isChange = false;
            if (answer.Status == DnsStatus.Found ? !answer.IsStale || before.IsDefault : TroubleOf(answer) == Trouble.Empty)
            {
                _known[index] = finding.Endpoints;
                isChange = before.IsDefault ? !finding.Endpoints.IsEmpty : !before.AsSpan().SequenceEqual(finding.Endpoints.AsSpan());
            }

            if (isChange || !_isPublished)
            {
                // The first answer makes the cluster warm, even where it says nothing.
                Publish();
            }

            // That there is nothing is looked at again after the usual time, whatever its own is.
            return Count(answer, isChange) ? schedule.AfterAnswer(finding.Endpoints.IsEmpty ? TimeSpan.Zero : answer.Ttl) : schedule.AfterFailure();
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

    private ImmutableArray<EndpointConfig> Endpoints() =>
        [.. _known.Where(static endpoints => !endpoints.IsDefault).SelectMany(static endpoints => endpoints).DistinctBy(static endpoint => endpoint.Address)];

    private enum Trouble
    {
        None,
        Failing,
        Empty,
    }
}
