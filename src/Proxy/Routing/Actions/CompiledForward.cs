using System.Buffers;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Routing.Regexes;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>A <see cref="ForwardAction"/> ready for traffic. Immutable.</summary>
public sealed class CompiledForward
{
    private readonly ClusterTarget[] _targets;
    private readonly ulong[] _cumulativeWeights;
    private readonly PathRewrite _path;
    private readonly byte[] _hostLiteral;
    private readonly byte[] _hostHeader;
    private readonly RegexRewriter? _hostPathRegex;
    private readonly byte[] _randomHeader;
    private readonly string[]? _weightKeys;

    internal CompiledForward(ForwardAction source, RetryPolicy? retryPolicy, ClusterTarget[] targets, ulong[] cumulativeWeights, PathRewrite path, RegexRewriter? hostPathRegex)
    {
        Source = source;
        RetryPolicy = retryPolicy;
        _targets = targets;
        _cumulativeWeights = cumulativeWeights;
        _path = path;
        _hostLiteral = source.HostRewrite is HostRewriteLiteral literal ? Encoding.UTF8.GetBytes(literal.Host) : [];
        _hostHeader = source.HostRewrite is HostRewriteHeader header ? Encoding.UTF8.GetBytes(header.HeaderName.ToLowerInvariant()) : [];
        _hostPathRegex = hostPathRegex;
        _randomHeader = source.Cluster is WeightedClusters { HeaderName: { Length: > 0 } name } ? Encoding.UTF8.GetBytes(name.ToLowerInvariant()) : [];
        _weightKeys = source.Cluster is WeightedClusters { RuntimeKeyPrefix: { Length: > 0 } prefix } weighted
            ? [.. weighted.Clusters.Select(cluster => $"{prefix}.{(cluster.Name.Length > 0 ? cluster.Name : cluster.ClusterHeader)}")]
            : null;
        Upgrades = source.Upgrades.IsEmpty ? UpgradeTable.None : new UpgradeTable(source.Upgrades);
    }

    /// <summary>The action as configured: timeouts, priority and what else needs no compiling.</summary>
    public ForwardAction Source { get; }

    /// <summary>The route's retry policy, or its virtual host's; null for none.</summary>
    public RetryPolicy? RetryPolicy { get; }

    /// <summary>The header matchers of <see cref="RetryPolicy"/>; null for none.</summary>
    internal CompiledRetryHeaders? RetryHeaders { get; init; }

    /// <summary>True where an attempt goes on after its time, beside another one.</summary>
    public bool HedgesOnPerTryTimeout { get; init; }

    /// <summary>True to tell the upstream in <c>x-envoy-attempt-count</c> how often the request was sent.</summary>
    public bool IncludesAttemptCountInRequest { get; init; }

    /// <summary>True to tell the client so.</summary>
    public bool IncludesAttemptCountInResponse { get; init; }

    /// <summary>Where copies of requests go; null for nowhere.</summary>
    internal CompiledMirror[]? Mirrors { get; init; }

    /// <summary>Which redirects are followed here; null for none.</summary>
    internal CompiledInternalRedirects? InternalRedirects { get; init; }

    /// <summary>True where the request is a copy and its Host says so.</summary>
    internal bool AppendsShadowToHost { get; init; }

    /// <summary>Most bytes of a request's body that are kept for another attempt.</summary>
    public int RequestBodyBufferLimit { get; init; } = int.MaxValue;

    /// <summary>Every cluster that may be chosen.</summary>
    public ReadOnlySpan<ClusterTarget> Targets => _targets;

    /// <summary>What the request's hash is made of; null for no hash.</summary>
    internal CompiledHashPolicies? HashPolicies { get; init; }

    /// <summary>What this route says of upgrades.</summary>
    internal UpgradeTable Upgrades { get; }

    /// <summary>False where the target is forwarded as it is, so that <see cref="WriteTarget"/> need not be called.</summary>
    public bool RewritesTarget => !_path.IsEmpty;

    /// <summary>True where Host becomes the host name of the chosen endpoint, which routing does not know.</summary>
    public bool RewritesHostToEndpoint => Source.HostRewrite is AutoHostRewrite;

    /// <summary>The weight of one of <see cref="Targets"/>: the runtime's, or the configured one; 1 where there is one cluster.</summary>
    public ulong WeightOf(int index, RuntimeValues runtime)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        if (_targets.Length == 1)
        {
            return 1;
        }

        var configured = _cumulativeWeights[index] - (index == 0 ? 0 : _cumulativeWeights[index - 1]);
        return _weightKeys is null ? configured : runtime.IntegerOf(_weightKeys[index], configured);
    }

    /// <summary>The cluster for a request; the same random number gives the same one.</summary>
    public ClusterTarget PickCluster(ulong random)
    {
        if (_targets.Length == 1)
        {
            return _targets[0];
        }

        var point = random % _cumulativeWeights[^1];
        var index = 0;
        while (_cumulativeWeights[index] <= point)
        {
            index++;
        }

        return _targets[index];
    }

    /// <summary>The cluster by the weights that the runtime gives. Where they all are zero, the configured ones hold.</summary>
    private ClusterTarget PickCluster(RuntimeValues runtime, ulong random)
    {
        var total = 0UL;
        for (var i = 0; i < _targets.Length; i++)
        {
            total += WeightOf(i, runtime);
        }

        if (total == 0)
        {
            return PickCluster(random);
        }

        var point = random % total;
        var index = 0;
        for (var weight = WeightOf(0, runtime); weight <= point; weight = WeightOf(++index, runtime))
        {
            point -= weight;
        }

        return _targets[index];
    }

    /// <summary>The cluster for a request; a number that the header of <see cref="WeightedClusters.HeaderName"/> gives goes before the random one.</summary>
    internal ClusterTarget PickCluster(RequestHead head, RuntimeValues runtime, ulong random)
    {
        if (_randomHeader.Length > 0 && head.TryGet(_randomHeader, out var value) && !IsRepeated(head)
            && System.Buffers.Text.Utf8Parser.TryParse(value, out ulong given, out var used) && used == value.Length)
        {
            random = given;
        }

        return _weightKeys is null ? PickCluster(random) : PickCluster(runtime, random);
    }

    /// <summary>Writes the target to send upstream: path with query.</summary>
    public void WriteTarget(RequestHead head, IBufferWriter<byte> output) => _path.Write(head, output);

    /// <summary>Writes the Host to send upstream; false, without output, where it stays as it is or <see cref="RewritesHostToEndpoint"/> says.</summary>
    public bool TryWriteHost(RequestHead head, ClusterTarget target, IBufferWriter<byte> output)
    {
        if (AppendsShadowToHost)
        {
            var host = DomainTable.WithoutPort(head.Authority);
            output.Write(host);
            output.Write("-shadow"u8);
            output.Write(head.Authority[host.Length..]);
            return true;
        }

        var written = 0;
        if (_hostLiteral.Length > 0)
        {
            output.Write(_hostLiteral);
            return true;
        }

        if (_hostHeader.Length > 0 && head.TryGet(_hostHeader, out var named) && !named.IsEmpty)
        {
            output.Write(named);
            return true;
        }

        if (_hostPathRegex is not null)
        {
            written = _hostPathRegex.Write(head.Path, output);
        }

        if (written == 0 && target.HostRewrite.Length > 0)
        {
            output.Write(target.HostRewrite);
            written = target.HostRewrite.Length;
        }

        return written > 0;
    }

    /// <summary>Several values are none, as in Envoy.</summary>
    private bool IsRepeated(RequestHead head)
    {
        var count = 0;
        foreach (ref readonly var field in head.Fields)
        {
            count += field.Id != KnownHeader.Withheld && head.Span(field.Name).SequenceEqual(_randomHeader) ? 1 : 0;
        }

        return count > 1;
    }
}
