using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>Compiles one <see cref="RouteConfiguration"/>: domains here, routes by <see cref="RouteCompiler"/>.</summary>
internal sealed class RouteTableCompiler(RouteConfiguration configuration, RegexSyntax? regexSyntax)
{
    /// <summary>Longest domain, in characters. Names in DNS have at most 253; ports and names without DNS fit too.</summary>
    private const int MaxDomainLength = 4096;

    private readonly CompilationScope _scope = new(regexSyntax);
    private readonly Dictionary<string, (string Name, CompiledVirtualHost VirtualHost)> _exact = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Name, CompiledVirtualHost VirtualHost)> _suffixes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Name, CompiledVirtualHost VirtualHost)> _prefixes = new(StringComparer.Ordinal);
    private CompiledVirtualHost? _catchAll;

    public bool TryCompile([NotNullWhen(true)] out RouteTable? table, out ImmutableArray<RouteError> errors)
    {
        HeaderMutationsBuilder.Check(configuration.RequestHeaders, "", "request", _scope);
        HeaderMutationsBuilder.Check(configuration.ResponseHeaders, "", "response", _scope);
        CompiledMirror.Check(configuration.MirrorPolicies.AsSpan(), "", _scope);
        for (var i = 0; i < configuration.InternalOnlyHeaders.Length; i++)
        {
            HeaderMutationsBuilder.CheckName(configuration.InternalOnlyHeaders[i], $"internal_only_headers[{i}]", _scope);
        }


        var virtualHosts = new CompiledVirtualHost[configuration.VirtualHosts.Length];
        for (var i = 0; i < virtualHosts.Length; i++)
        {
            virtualHosts[i] = CompileVirtualHost(configuration.VirtualHosts[i], $"virtual_hosts[{i}]");
        }

        errors = [.. _scope.Errors];
        table = errors.IsEmpty
            ? new RouteTable(
                configuration,
                virtualHosts,
                new DomainTable(Sort(_exact), Sort(_suffixes), Sort(_prefixes), _catchAll, configuration.IgnorePortInHostMatching),
                [.. _scope.ClusterNames])
            {
                AddressPredicates = [.. _scope.AddressPredicates],
            }
            : null;
        return table is not null;
    }

    private CompiledVirtualHost CompileVirtualHost(VirtualHost source, string path)
    {
        var virtualHost = new CompiledVirtualHost(source, configuration.IgnorePathParametersInPathMatching);
        if (source.Domains.IsEmpty)
        {
            _scope.Error($"{path}.domains", "a virtual host needs a domain", "list its domains, or '*' for all others");
        }

        for (var i = 0; i < source.Domains.Length; i++)
        {
            AddDomain(source.Domains[i], virtualHost, $"{path}.domains[{i}]");
        }

        HeaderMutationsBuilder.Check(source.RequestHeaders, $"{path}.", "request", _scope);
        HeaderMutationsBuilder.Check(source.ResponseHeaders, $"{path}.", "response", _scope);
        CompiledMirror.Check(source.MirrorPolicies.AsSpan(), $"{path}.", _scope);
        virtualHost.VirtualClusters = CompiledVirtualClusters.Compile(source.VirtualClusters, path, _scope);
        new RouteCompiler(configuration, virtualHost, _scope).Compile(path);
        return virtualHost;
    }

    private void AddDomain(string name, CompiledVirtualHost virtualHost, string path)
    {
        var domain = name.ToLowerInvariant();
        if (domain.Length is 0 or > MaxDomainLength)
        {
            _scope.Error(path, $"a domain has 1 to {MaxDomainLength} characters", "correct or remove it");
        }

        bool added;
        if (domain == "*")
        {
            added = _catchAll is null;
            _catchAll ??= virtualHost;
        }
        else if (domain.StartsWith('*'))
        {
            added = _suffixes.TryAdd(domain[1..], (name, virtualHost));
        }
        else if (domain.EndsWith('*'))
        {
            added = _prefixes.TryAdd(domain[..^1], (name, virtualHost));
        }
        else
        {
            added = _exact.TryAdd(domain, (name, virtualHost));
        }

        if (!added)
        {
            _scope.Error(path, $"domain '{name}' appears more than once", "keep it in one virtual host");
        }
    }

    private DomainTable.Domains Sort(Dictionary<string, (string Name, CompiledVirtualHost VirtualHost)> domains)
    {
        var sorted = domains.Select(pair => (Key: Encoding.UTF8.GetBytes(pair.Key), pair.Value.Name, pair.Value.VirtualHost)).ToArray();
        if (domains == _suffixes)
        {
            foreach (var (key, _, _) in sorted)
            {
                key.AsSpan().Reverse();
            }
        }

        Array.Sort(sorted, (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        return new DomainTable.Domains(
            [.. sorted.Select(item => item.Key)],
            [.. sorted.Select(item => item.Name)],
            [.. sorted.Select(item => item.VirtualHost)]);
    }
}
