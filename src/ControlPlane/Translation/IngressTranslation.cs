using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Translates Ingresses into routes. The oldest Ingress is asked first, so that the owner of a host and path is the one who had it first; who comes later
/// with the same is told. Source: the Ingress page of the Kubernetes documentation ("Path types", "Multiple matches", "Hostname wildcards").
/// </summary>
internal static class IngressTranslation
{
    /// <summary>Translates the Ingresses of this controller.</summary>
    /// <param name="snapshot">Every object.</param>
    /// <param name="options">Ports, and the default certificate.</param>
    /// <param name="now">The time that certificates must be valid at.</param>
    public static IngressRoutes Translate(ObjectSnapshot snapshot, TranslationOptions options, DateTimeOffset now)
    {
        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        var classes = new IngressClassSelection(snapshot, diagnostics);
        var resolver = new BackendResolver(snapshot, diagnostics);
        var certificates = new CertificateResolver(snapshot, now);
        var tls = new TlsHosts(certificates, options.DefaultTlsSecret, diagnostics);
        var redirection = new HttpsRedirection(options.HttpsRedirectPort ?? options.HttpsPort, diagnostics);
        var hosts = new Dictionary<HostMatch, HostRules>();
        var defaultBackend = new DefaultBackend(diagnostics);

        foreach (var ingress in OldestFirst(snapshot.Ingresses.Values))
        {
            if (!classes.Takes(ingress, diagnostics))
            {
                continue;
            }

            tls.Take(ingress);
            redirection.Take(ingress);
            var own = defaultBackend.Offer(ingress, resolver);
            for (var i = 0; i < ingress.Spec.Rules.Count; i++)
            {
                AddRule(ingress, i, own, hosts, resolver, diagnostics);
            }
        }

        if (defaultBackend.Rule is not null)
        {
            hosts.TryAdd(HostMatch.Any, new HostRules(HostMatch.Any));
        }

        var virtualHosts = new VirtualHosts(hosts, defaultBackend.Rule, tls, redirection);
        return new IngressRoutes(
            new RouteTable(Translator.IngressRouteTableName, virtualHosts.OfHttp()),
            tls.Any ? new HttpsRoutes(new RouteTable(Translator.IngressHttpsRouteTableName, virtualHosts.OfHttps()), tls.Terminate()) : null,
            certificates.Used.ToValueList(),
            [.. resolver.Backends.OrderBy(backend => backend.Key.Name, StringComparer.Ordinal)],
            diagnostics.ToImmutable(),
            certificates.NextChange);
    }

    private static IEnumerable<Ingress> OldestFirst(IEnumerable<Ingress> ingresses) => ingresses
        .OrderBy(ingress => ingress.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue)
        .ThenBy(ingress => ingress.Name, ObjectName.Order);

    private static void AddRule(
        Ingress ingress,
        int index,
        RouteRule? ownDefault,
        Dictionary<HostMatch, HostRules> hosts,
        BackendResolver resolver,
        ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var rule = ingress.Spec.Rules[index];
        var match = HostMatch.Parse(rule.Host);
        if (!hosts.TryGetValue(match, out var host))
        {
            host = new HostRules(match);
            hosts.Add(match, host);
        }

        host.OfferDefault(ownDefault);
        for (var i = 0; i < rule.Paths.Count; i++)
        {
            var path = rule.Paths[i];
            var field = $"spec.rules[{index}].http.paths[{i}]";
            var pathMatch = path.PathType == PathType.Exact ? PathMatch.Exact(path.Path) : PathMatch.Prefix(path.Path);
            if (host.OwnerOf(pathMatch) is { } owner)
            {
                diagnostics.Add(Conflict(ingress, path, field, match, pathMatch, owner));
                continue;
            }

            var action = resolver.Resolve(ingress, path.Backend, field + ".backend");
            host.Add(new RouteRule(ingress.Name.ToString(), pathMatch, action, RoutePolicy.Default), ingress);
        }
    }

    private static Diagnostic Conflict(Ingress ingress, HttpIngressPath path, string field, HostMatch host, PathMatch match, Ingress owner)
    {
        var who = ReferenceEquals(owner, ingress) ? "an earlier rule of this Ingress" : $"{owner.Key} ({owner.Metadata.Location}), which is older or, at the same age, goes first by name";
        return new Diagnostic(
            DiagnosticSeverity.Warning,
            DiagnosticReason.PathConflict,
            $"host {host} with {match} already belongs to {who}; this path gets no requests",
            "change the host or the path, or remove one of the two",
            ingress.Metadata.Location with { Line = path.Line },
            ingress.Key,
            field);
    }
}
