using System.Net;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Takes a parsed request through admission, routing and the writer of upstream requests, and gives back what an upstream would read.</summary>
internal sealed class RequestRewriter : IDisposable, IConnectionOwner
{
    private static readonly SocketEndpoint Client = new(IPAddress.Parse("192.0.2.1"), 1234);
    private static readonly SocketEndpoint Here = new(IPAddress.Loopback, 80);

    private readonly SocketPair _pair = new();
    private readonly Connection _upstream;
    private readonly InputStream _stream;
    private readonly HttpConnectionManagerState[] _states;
    private readonly byte[] _read = new byte[64 * 1024];
    private readonly Worker _worker;
    private HttpConnectionManagerState _state;

    public RequestRewriter()
    {
        var registry = new StatRegistry();
        _worker = new Worker(0, registry.CreatePage(), TimeProvider.System, 1, new DescriptorBudget(), static bug => throw bug);
        var runtime = new WorkerRuntime(_worker, new SnapshotHolder(), new DrainState(), new OverloadState(), new DownstreamConnectionLimit());
        Exchange = new Exchange(runtime);
        _upstream = new Connection(_worker, _pair.Near, this, writable: true);
        _stream = new InputStream(_upstream);
        _states = [.. Settings().Select(http => new HttpConnectionManagerState(
            http, new HttpStats(registry, http.StatPrefix), new ListenerStats(registry, "here"), []))];
        _state = _states[0];
    }

    /// <summary>Whose parser and head are used.</summary>
    public Exchange Exchange { get; }

    /// <summary>What an upstream would read.</summary>
    public ByteText Output { get; } = new();

    /// <summary>True where the last request was written by a route that changes nothing.</summary>
    public bool IsPlain { get; private set; }

    /// <summary>True where <c>x-forwarded-for</c> and <c>x-forwarded-proto</c> are ours to say.</summary>
    public bool IsEdge { get; private set; }

    /// <summary>Makes the exchange ready for another head.</summary>
    public void Begin(FuzzRandom random)
    {
        var choice = random.Next(_states.Length);
        IsPlain = choice < 2;
        _state = _states[choice];
        IsEdge = _state.Config.UseRemoteAddress;
        Exchange.Reset();
        Exchange.Begin(_stream, _state, Client, Here, 1);
    }

    /// <summary>Writes the request that the exchange holds. False where the proxy answers it itself.</summary>
    public bool Write(BodyFraming framing, ReadOnlySpan<byte> body, bool isComplete)
    {
        Output.Clear();
        _stream.Begin(framing, body, isComplete);
        if (!HttpConnectionManager.Begin(Exchange, _state))
        {
            Expect.True(Exchange.Status >= 300, $"an answer of the proxy itself has status {Exchange.Status}");
            return false;
        }

        var downstream = Exchange.Downstream;
        var head = RequestHeadWriter.Compose(Exchange);
        MessageSender.Send(_upstream, ref head, Exchange.UpstreamRequestFraming, downstream.BufferedBody, downstream.IsRequestComplete && downstream.IsRequestBuffered);
        _worker.Output.Flush();
        Drain();
        while (_upstream.PendingOutput > 0)
        {
            ((IPollTarget)_upstream).OnEvents(Native.EpollOut);
            Drain();
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _upstream.Close();
        _pair.Dispose();
        _worker.Dispose();
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
    }

    private void Drain()
    {
        for (var count = _pair.Read(_read); count > 0; count = _pair.Read(_read))
        {
            Output.Add(_read.AsSpan(0, count));
        }
    }

    private static IEnumerable<HttpConnectionManagerConfig> Settings()
    {
        var plain = new HttpConnectionManagerConfig { StatPrefix = "fuzz", InlineRoutes = Table(new ForwardAction { Cluster = new SingleCluster("a") }), AcceptHttp10 = true };
        yield return plain with { UseRemoteAddress = true };
        yield return plain;

        var changes = new HeaderRules
        {
            Add =
            [
                new HeaderValueOption { Name = "x", Value = "added" },
                new HeaderValueOption { Name = "y", Value = "only", AppendAction = HeaderAppendAction.OverwriteIfExistsOrAdd },
                new HeaderValueOption { Name = "x-forwarded-proto", Value = "https", AppendAction = HeaderAppendAction.AddIfAbsent },
            ],
            Remove = ["x-request-id", "expect"],
        };
        var prefix = new ForwardAction { Cluster = new SingleCluster("a"), PrefixRewrite = "/p/", HostRewrite = new HostRewriteLiteral("h:81") };
        yield return plain with { UseRemoteAddress = true, InlineRoutes = Table(prefix, changes), SuppressEnvoyHeaders = true };
        yield return plain with { InlineRoutes = Table(prefix with { HostRewrite = null }, changes), DefaultHostForHttp10 = "d", SkipXffAppend = true };
    }

    private static RouteTable Table(ForwardAction action, HeaderRules? changes = null) => RouteTable.Compile(
        new RouteConfiguration
        {
            Name = "fuzz",
            VirtualHosts =
            [
                new VirtualHost
                {
                    Name = "all", Domains = ["*"],
                    Routes = [new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = action, RequestHeaders = changes ?? HeaderRules.None }],
                },
            ],
        },
        Re2Syntax.Read);
}
