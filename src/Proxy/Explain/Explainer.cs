using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Listeners.Http1;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>
/// Takes a request the way that traffic takes, through the parser, admission and the route table of a snapshot, and tells of it. Nothing is sent and nothing
/// of the running proxy is touched: it has a worker, an exchange and statistics of its own.
/// </summary>
internal sealed class Explainer : IDisposable, IConnectionOwner
{
    private readonly RuntimeSnapshot _snapshot;
    private readonly StatRegistry _registry = new();
    private readonly Worker _worker;
    private readonly Exchange _exchange;
    private readonly Connection _connection;

    private Explainer(RuntimeSnapshot snapshot)
    {
        _snapshot = snapshot;
        _worker = new Worker(0, _registry.CreatePage(), TimeProvider.System, (ulong)Environment.TickCount64, new DescriptorBudget(), static bug => throw bug);

        // Any descriptor does: nothing is read from it or written to it.
        _connection = new Connection(_worker, Native.EventFd(0, Native.EventFdNonBlock | Native.EventFdCloseOnExec), this, writable: true);
        var holder = new SnapshotHolder();
        holder.Publish(snapshot);
        _exchange = new Exchange(new WorkerRuntime(_worker, holder, new DrainState(), new OverloadState(), new DownstreamConnectionLimit()));
    }

    /// <summary>Explains a request against a snapshot.</summary>
    public static Explanation Explain(RuntimeSnapshot snapshot, ExplainRequest request)
    {
        var listener = FindListener(snapshot, request, out var error);
        if (listener is null)
        {
            return new Explanation { Error = error };
        }

        using var explainer = new Explainer(snapshot);
        return explainer.Explain(request, listener);
    }

    public void Dispose()
    {
        _connection.Close(reset: true);
        _worker.Dispose();
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
    }

    private static ListenerConfig? FindListener(RuntimeSnapshot snapshot, ExplainRequest request, out string error)
    {
        error = "";
        var listeners = snapshot.Listeners;
        var found = request.Listener.Length > 0
            ? listeners.FirstOrDefault(listener => listener.Name == request.Listener)
            : listeners.FirstOrDefault(listener => listener.Address.Port == request.Port) ?? (listeners.Count == 1 ? listeners[0] : null);
        if (found is null)
        {
            var there = listeners.Count == 0 ? "there are no listeners" : "there are: " + string.Join(", ", listeners.Select(static listener => $"{listener.Name} ({listener.Address})"));
            error = request.Listener.Length > 0
                ? $"there is no listener {request.Listener}; {there}"
                : string.Create(CultureInfo.InvariantCulture, $"no listener is on port {request.Port}; {there}; name one with --listener, or write its port in the URL");
        }

        return found;
    }

    private Explanation Explain(ExplainRequest request, ListenerConfig listener)
    {
        var found = new Explanation { Listener = listener.Name, Address = listener.Address is { Port: 0, Path: null } ? "" : listener.Address.ToString()! };
        var (chain, chainName) = ExplainedFilterChain.Of(listener, request);
        found = found with { FilterChain = chainName };
        if (chain?.Http is not { } http)
        {
            return found with { Error = ExplainedFilterChain.WhyNoRequest(chain, request) };
        }

        found = found with { RouteConfiguration = http.InlineRoutes?.Name ?? http.RouteConfigName ?? "" };
        var state = new HttpConnectionManagerState(http, new HttpStats(_registry, http.StatPrefix), new ListenerStats(_registry, "explained"), []);
        var stream = new ExplainedStream(_connection);
        _exchange.Begin(stream, state, new SocketEndpoint(IPAddress.Loopback, 1), new SocketEndpoint(IPAddress.Loopback, request.Port), 1);
        _exchange.BeginHead(DownstreamHttp1.MaxHeadBytes);
        var parser = _exchange.Parser;
        var head = HeadOf(request);
        if (parser.Parse(head, head.Length) != ParseStatus.Done)
        {
            return found with { Error = $"the request is refused before it is routed: {parser.Error}" };
        }

        // The verdict is that of traffic; the trace goes the same way once more, with a listener.
        HttpConnectionManager.Begin(_exchange, state);
        found = found with { AsMatched = $"{request.Method} {Text(_exchange.Request.Authority)}{Text(_exchange.Request.Target)}" };
        var table = http.InlineRoutes ?? _snapshot.RouteTables.GetValueOrDefault(http.RouteConfigName ?? "");
        if (table is null)
        {
            return found with { Error = $"the route configuration {http.RouteConfigName} has not arrived" };
        }

        if (_exchange.Route is { Kind: RouteKind.Redirect or RouteKind.DirectResponse } && stream.Status == 0)
        {
            // The filters pass a request without a body.
            RouteReplies.Answer(_exchange);
        }

        var wasAdmitted = _exchange.Route is not null || stream.Status == 404;
        if (!wasAdmitted)
        {
            return found with { Steps = ["admission refuses it before it is routed"], Answer = AnswerOf(stream) };
        }

        var trace = new RecordingTrace();
        var isFound = table.TryMatch(_exchange.Request, _snapshot.RuntimeValues, _worker.Random.Next(), ref trace, out var match);
        found = found with
        {
            Steps = [.. trace.Steps.Select(static step => step.Text)],
            VirtualHost = trace.Steps.LastOrDefault(static step => step.VirtualHost is not null)?.VirtualHost?.Name ?? "",
        };
        if (!isFound)
        {
            return found with { Answer = AnswerOf(stream) };
        }

        found = found with { Route = match.Route.ToString() };
        return match.Route.Forward is { } forward ? found with { Forward = ForwardOf(forward) } : found with { Answer = AnswerOf(stream) };
    }

    private static byte[] HeadOf(ExplainRequest request)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{request.Method} {request.Target} HTTP/1.1\r\n");
        if (!request.Headers.Any(static header => header.StartsWith("host:", StringComparison.OrdinalIgnoreCase)))
        {
            text.Append(CultureInfo.InvariantCulture, $"host: {request.Authority}\r\n");
        }

        foreach (var header in request.Headers)
        {
            text.Append(header).Append("\r\n");
        }

        return Encoding.UTF8.GetBytes(text.Append("\r\n").ToString());
    }

    private ExplainedAnswer AnswerOf(ExplainedStream stream) => new(stream.Status, Text(_exchange.Details.Span), stream.Location);

    private ExplainedForward ForwardOf(CompiledForward forward)
    {
        var request = _exchange.Request;
        var source = forward.Source;
        var output = new ArrayBufferWriter<byte>();
        if (forward.RewritesTarget)
        {
            forward.WriteTarget(request, output);
        }
        else
        {
            output.Write(request.Target);
        }

        var host = new ArrayBufferWriter<byte>();
        var target = forward.Targets.Length > 0 ? forward.Targets[0] : null;
        var hostText = forward.RewritesHostToEndpoint ? "the endpoint's host name"
            : target is not null && forward.TryWriteHost(request, target, host) ? Text(host.WrittenSpan)
            : Text(request.Authority);
        _exchange.TakeTimesOf(forward);
        return new ExplainedForward
        {
            Target = Text(output.WrittenSpan),
            Host = hostText,
            Headers = target is null ? [] : HeadersOf(target.RequestMutations),
            TimeoutMs = _exchange.RouteTimeoutMs,
            MaxDurationMs = _exchange.MaxDurationMs,
            GrpcTimeoutMs = _exchange.ReplacesGrpcTimeout ? _exchange.GrpcTimeoutToTellMs : null,
            Retry = forward.RetryPolicy is { } policy ? RetryExplanation.Of(policy, _exchange.Hedges) : null,
            Priority = source.Priority == RoutingPriority.High ? "high" : "default",
            InternalRedirectCodes = source.InternalRedirects?.ResponseCodes ?? [],
            MaxInternalRedirects = source.InternalRedirects?.MaxInternalRedirects ?? 0,
            Mirrors = [.. (forward.Mirrors ?? []).Select(MirrorOf)],
            Clusters = [.. ClustersOf(forward)],
        };
    }

    private ExplainedMirror MirrorOf(CompiledMirror mirror)
    {
        var name = mirror.Target.Ordinal >= 0 ? mirror.Target.Name : Text(mirror.Target.NameFrom(_exchange.Request));
        return new ExplainedMirror(name, mirror.PercentOf(_snapshot.RuntimeValues), _snapshot.Clusters.ContainsKey(name));
    }

    private string[] HeadersOf(HeaderMutations changes)
    {
        var applied = AppliedMutations.ToRequest(_exchange, changes);
        var writer = new ByteWriter(new byte[applied.MaxLength]);
        applied.Write(ref writer, _exchange.Request, added: default);
        return Text(writer.Written).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
    }

    private List<ExplainedCluster> ClustersOf(CompiledForward forward)
    {
        var clusters = new List<ExplainedCluster>();
        var total = 0.0;
        for (var i = 0; i < forward.Targets.Length; i++)
        {
            total += forward.WeightOf(i, _snapshot.RuntimeValues);
        }

        for (var i = 0; i < forward.Targets.Length; i++)
        {
            var target = forward.Targets[i];
            var name = target.Ordinal >= 0 ? target.Name : Text(target.NameFrom(_exchange.Request));
            var percent = total == 0 ? 0 : 100.0 * forward.WeightOf(i, _snapshot.RuntimeValues) / total;
            if (!_snapshot.Clusters.TryGetValue(name, out var cluster))
            {
                clusters.Add(new ExplainedCluster { Name = name, Percent = percent, NotFoundStatus = forward.Source.ClusterNotFoundResponseCode });
                continue;
            }

            var candidates = cluster.CandidatesOf(target.MetadataMatch).Select(static endpoint => endpoint.State).ToHashSet();
            var breaker = cluster.State.BreakerOf(forward.Source.Priority == RoutingPriority.High);
            clusters.Add(new ExplainedCluster
            {
                Name = name,
                Percent = percent,
                Exists = true,
                Policy = cluster.Config.LoadBalancing.ToString(),
                Connections = ExplainedConnections.Of(cluster.Config),
                MaintenancePercent = cluster.State.Maintenance?.Share is { } share ? 100.0 * share.Numerator / share.Denominator : 0,
                ActiveRequests = breaker.Requests.InUse,
                MaxRequests = breaker.Requests.Max,
                Endpoints = [.. cluster.Endpoints.Select(endpoint => new ExplainedEndpoint(
                    endpoint.Config.Address.ToString()!,
                    candidates.Contains(endpoint.State),
                    HealthOf(endpoint),
                    endpoint.Config.Weight,
                    endpoint.Config.Priority,
                    endpoint.Config.Locality,
                    endpoint.State.ActiveRequests))],
            });
        }

        return clusters;
    }

    /// <summary>What discovery says and, behind it, what was found at run time.</summary>
    private static string HealthOf(Endpoint endpoint)
    {
        var said = endpoint.Config.Health.ToString().ToLowerInvariant();
        var found = endpoint.State.Health.Flags;
        return found == HostHealthFlags.None ? said : $"{said} ({found})";
    }


    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>A client's side that has sent its whole request; it keeps the answer.</summary>
    private sealed class ExplainedStream(Connection connection) : DownstreamStream
    {
        public int Status { get; private set; }

        public string Location { get; private set; } = "";

        public override Connection Connection => connection;

        public override bool IsRequestComplete => true;

        public override bool IsRequestBuffered => true;

        public override BodyFraming RequestFraming => BodyFraming.None;

        public override ReadOnlySpan<byte> BufferedBody => default;

        public override DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
        {
            payload = default;
            return DownstreamRead.Ready;
        }

        public override void SendInterim(ResponseHead head)
        {
        }

        public override void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end)
        {
        }

        public override void SendBody(ReadOnlySpan<byte> payload, bool end)
        {
        }

        public override void SendConnected(Exchange exchange)
        {
        }

        public override void BeginTunnel()
        {
        }

        public override void SendLocalReply(Exchange exchange, in LocalReply reply)
        {
            Status = reply.Status;
            var lines = Text(reply.ExtraLines.Span);
            Location = lines.StartsWith("location: ", StringComparison.Ordinal) ? lines["location: ".Length..].TrimEnd() : "";
        }

        public override void CutResponse()
        {
        }
    }
}
