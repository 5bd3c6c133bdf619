using System.Runtime.CompilerServices;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Paths;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>A virtual host ready for traffic. Immutable.</summary>
public sealed class CompiledVirtualHost
{
    private readonly bool _ignorePathParameters;
    private readonly TlsRequirement _requireTls;
    private CompiledRoute[] _routes = [];
    private PathIndex _paths = null!;
    private CompiledRouteMatcher? _matcher;
    private CompiledRoute? _tlsRedirect;

    /// <summary>The first route, if no request with an ordinary path gets past it: the usual virtual host has just that one.</summary>
    private CompiledRoute? _takesAll;

    internal CompiledVirtualHost(VirtualHost source, bool ignorePathParameters)
    {
        Source = source;
        _ignorePathParameters = ignorePathParameters;
        _requireTls = source.RequireTls;
    }

    /// <summary>The requests that are counted by themselves; null for none.</summary>
    internal CompiledVirtualClusters? VirtualClusters { get; set; }

    /// <summary>The virtual host as configured.</summary>
    public VirtualHost Source { get; }

    /// <summary>Name as configured.</summary>
    public string Name => Source.Name;

    /// <summary>The routes in their order.</summary>
    public ReadOnlySpan<CompiledRoute> Routes => _routes;

    /// <summary>Completes construction; routes refer back to their virtual host.</summary>
    internal void Complete(CompiledRoute[] routes, PathIndex paths, CompiledRouteMatcher? matcher, CompiledRoute? tlsRedirect)
    {
        _routes = routes;
        _paths = paths;
        _matcher = matcher;
        _tlsRedirect = tlsRedirect;
        _takesAll = matcher is null && routes is [{ Conditions: null, Source.Match.Path: PrefixPath { Prefix: "" or "/" } }, ..] ? routes[0] : null;
    }

    /// <summary>The first route that matches; null for none.</summary>
    [SkipLocalsInit]
    internal CompiledRoute? Match<TTrace>(RequestHead head, RuntimeValues runtime, ulong random, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        if (_requireTls != TlsRequirement.None && IsRefusedInPlainText(head))
        {
            trace.TlsRequired(this);
            return _tlsRedirect;
        }

        var path = head.Path;
        if (_ignorePathParameters)
        {
            var semicolon = path.IndexOf((byte)';');
            path = semicolon < 0 ? path : path[..semicolon];
        }

        if (_takesAll is not null && path.StartsWith((byte)'/'))
        {
            trace.RouteSelected(_takesAll);
            return _takesAll;
        }

        var paths = _paths;
        var start = 0;
        var end = _routes.Length;
        if (_matcher is not null)
        {
            if (_matcher.Find(head) is not { } choice)
            {
                trace.RoutesChosen(this, 0, 0);
                trace.NoRoute(this);
                return null;
            }

            (paths, start, end) = (choice.Paths, choice.Start, choice.End);
            trace.RoutesChosen(this, start, end);
        }

        Span<CandidateSet.Cursor> cursors = stackalloc CandidateSet.Cursor[CandidateSet.StackCursors];
        var candidates = new CandidateSet(paths.Lists, cursors);

        if (head.IsConnect)
        {
            candidates.Add(paths.Connect);
        }
        else if (!path.IsEmpty)
        {
            paths.Collect(path, ref candidates);
        }

        var selected = FirstOf(ref candidates, start, end, head, path, runtime, random, ref trace);
        candidates.Dispose();
        return selected;
    }

    private CompiledRoute? FirstOf<TTrace>(
        ref CandidateSet candidates, int start, int end, RequestHead head, ReadOnlySpan<byte> path, RuntimeValues runtime, ulong random, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        // Candidates come in ascending order and are all there is for this path: what lies between two of them does not match it.
        var looked = start;
        while (candidates.TryNext(out var index, out var isConditional))
        {
            var route = _routes[index];
            if (TTrace.IsEnabled)
            {
                ReportSkipped(looked, index, ref trace);
                looked = index + 1;
            }

            if (!isConditional || route.Conditions!.Hold(route, head, path, runtime, random, ref trace))
            {
                trace.RouteSelected(route);
                return route;
            }
        }

        ReportSkipped(looked, end, ref trace);
        trace.NoRoute(this);
        return null;
    }

    private void ReportSkipped<TTrace>(int start, int end, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        if (TTrace.IsEnabled && start < end)
        {
            trace.PathsSkipped(this, start, end);
        }
    }

    private bool IsRefusedInPlainText(RequestHead head) => !head.IsHttps
        && (_requireTls == TlsRequirement.All
            || !head.TryGet(KnownHeader.XEnvoyInternal, out var isInternal)
            || !isInternal.SequenceEqual("true"u8));
}
