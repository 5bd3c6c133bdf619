using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>
/// Resolves names to addresses, off the workers: from what is known here (addresses, the hosts file, special names), from what was answered lately,
/// and by asking servers. The same question is on the way once at a time, however many wait for it; how many questions are on the way and how many
/// answers are kept is bounded. Nothing here throws but for a cancelled wait. Thread-safe.
/// </summary>
internal sealed class DnsResolver
{
    private readonly DnsQueryOptions _options;
    private readonly SystemNames _system;
    private readonly NameserverQuery _query;
    private readonly DnsCache _cache;
    private readonly CancellationToken _lifetime;
    private readonly Lock _gate = new();
    private readonly Dictionary<DnsQuestion, Task<DnsAnswer>> _underWay = [];
    private readonly QueryTurns _turns = new(DnsQueryOptions.MaxOutstanding);

    /// <summary>A resolver.</summary>
    /// <param name="options">How it asks.</param>
    /// <param name="system">What this machine knows.</param>
    /// <param name="time">Clock.</param>
    /// <param name="lifetime">Ends what is under way.</param>
    public DnsResolver(DnsQueryOptions options, SystemNames system, TimeProvider time, CancellationToken lifetime = default)
    {
        _options = options;
        _system = system;
        _query = new NameserverQuery(options, system, time);
        _cache = new DnsCache(time);
        _lifetime = lifetime;
    }

    /// <summary>The addresses of a name in one family.</summary>
    /// <param name="host">A name as people write it, or an address.</param>
    /// <param name="type">A or AAAA.</param>
    /// <param name="freshness">How old an answer may be at most that saves a query; never older than the answer itself allows.</param>
    /// <param name="cancellation">Ends the wait; the query goes on for others.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async Task<DnsAnswer> ResolveAsync(string host, DnsRecordType type, TimeSpan freshness, CancellationToken cancellation = default)
    {
        if (_options.OnlyRoutableFamilies && !RoutableFamilies.Has(FamilyOf(type)))
        {
            return DnsAnswer.Known([]);
        }

        if (IPAddress.TryParse(host, out var literal))
        {
            return DnsAnswer.Known(OfFamily([literal], type));
        }

        if (DnsName.Parse(host) is not { } name)
        {
            return DnsAnswer.Failure("it is no domain name");
        }

        if (_system.Hosts.Find(name) is { } known)
        {
            return DnsAnswer.Known(OfFamily(known, type));
        }

        return SpecialNames.Find(name, type) ?? await SearchAsync(host, name, type, freshness, cancellation);
    }

    /// <summary>Where a service is (RFC 2782).</summary>
    /// <param name="service">Its name, such as <c>_http._tcp.example.com</c>.</param>
    /// <param name="freshness">How old an answer may be at most that saves a query.</param>
    /// <param name="cancellation">Ends the wait; the query goes on for others.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async Task<DnsAnswer> ResolveServiceAsync(string service, TimeSpan freshness, CancellationToken cancellation = default)
    {
        if (DnsName.Parse(service) is not { } name)
        {
            return DnsAnswer.Failure("it is no domain name");
        }

        return SpecialNames.Find(name, DnsRecordType.Srv) is null
            ? await SearchAsync(service, name, DnsRecordType.Srv, freshness, cancellation)
            : DnsAnswer.Absence(DnsStatus.NoSuchName, TimeSpan.Zero);
    }

    private async Task<DnsAnswer> SearchAsync(string host, string name, DnsRecordType type, TimeSpan freshness, CancellationToken cancellation)
    {
        var conf = _system.Conf;
        var domains = _options.NoSearch ? [] : conf.Search ?? _system.OwnDomain;
        DnsAnswer? nothing = null;
        foreach (var candidate in SearchList.Expand(host, name, domains, conf.Dots))
        {
            var answer = await AskOnceAsync(new DnsQuestion(candidate, type), freshness, cancellation);
            if (answer.Status is DnsStatus.Found or DnsStatus.Failed)
            {
                // After a failure nobody knows whether it is this name: another must not be taken for it.
                return answer;
            }

            // That a name exists says more than that another does not.
            nothing = nothing is { Status: DnsStatus.NoData } ? nothing : answer;
        }

        return nothing!;
    }

    private Task<DnsAnswer> AskOnceAsync(DnsQuestion question, TimeSpan freshness, CancellationToken cancellation)
    {
        if (_cache.Fresh(question, freshness) is { } fresh)
        {
            return Task.FromResult(fresh);
        }

        lock (_gate)
        {
            if (!_underWay.TryGetValue(question, out var task))
            {
                task = Task.Run(() => AskAsync(question), CancellationToken.None);
                _underWay[question] = task;
            }

            return task.WaitAsync(cancellation);
        }
    }

    private async Task<DnsAnswer> AskAsync(DnsQuestion question)
    {
        try
        {
            await _turns.EnterAsync();
            try
            {
                return await FollowAsync(question);
            }
            finally
            {
                _turns.Leave();
            }
        }
        catch (OperationCanceledException)
        {
            return DnsAnswer.Failure("the proxy ends");
        }
        finally
        {
            lock (_gate)
            {
                _underWay.Remove(question);
            }
        }
    }

    /// <summary>Asks, and asks on where an answer is only another name.</summary>
    private async Task<DnsAnswer> FollowAsync(DnsQuestion question)
    {
        var current = question;
        var ttl = TimeSpan.MaxValue;
        for (var followed = 0; followed <= DnsAnswerReader.MaxAliases; followed++)
        {
            var reply = await _query.AskAsync(current, _lifetime);
            if (reply.Message is not { } message)
            {
                return _cache.InPlaceOf(question, DnsAnswer.Failure(reply.Reason));
            }

            var answer = DnsAnswerReader.Read(message, current, out var alias);
            ttl = answer.Ttl < ttl ? answer.Ttl : ttl;
            if (answer.Status == DnsStatus.Failed)
            {
                return _cache.InPlaceOf(question, answer);
            }

            if (alias is null)
            {
                answer = answer with { Ttl = ttl };
                _cache.Store(question, answer);
                return answer;
            }

            current = current with { Name = alias };
        }

        return _cache.InPlaceOf(question, DnsAnswer.Failure("its aliases have no end"));
    }

    private static ImmutableArray<IPAddress> OfFamily(ImmutableArray<IPAddress> addresses, DnsRecordType type)
    {
        var family = FamilyOf(type);
        return [.. addresses.Where(address => address.AddressFamily == family)];
    }

    private static AddressFamily FamilyOf(DnsRecordType type) => type == DnsRecordType.Aaaa ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
}
