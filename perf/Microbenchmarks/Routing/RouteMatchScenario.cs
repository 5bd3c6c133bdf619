using System.Globalization;
using System.Text;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Microbenchmarks.Routing;

/// <summary>A route table of some size and requests that are spread over all of it.</summary>
internal sealed class RouteMatchScenario
{
    /// <summary>Different requests asked in turn: enough that neither the caches nor the branch predictor can learn them by heart.</summary>
    public const int Requests = 4096;

    // As on a worker: one head, used again for each request, over bytes that have just been received. Heads of their own would fill the
    // caches with what is not there in traffic.
    private readonly RequestHead _head = new();
    private readonly (Slice Authority, Slice Target, Slice Path, Slice Query)[] _requests = new (Slice, Slice, Slice, Slice)[Requests];

    private RouteMatchScenario(string name, int size, VirtualHost[] hosts, Func<int, (string Host, string Target)> request)
    {
        Name = name;
        Size = size;
        Table = Compile(new RouteConfiguration { Name = name, VirtualHosts = [.. hosts] });
        var random = new Random(7);
        var received = new List<byte>();
        for (var i = 0; i < Requests; i++)
        {
            var (host, target) = request(random.Next(size));
            var at = received.Count + host.Length;
            var query = target.IndexOf('?', StringComparison.Ordinal);
            received.AddRange(Encoding.ASCII.GetBytes(host + target));
            _requests[i] = (new Slice(at - host.Length, host.Length), new Slice(at, target.Length), new Slice(at, query), new Slice(at + query + 1, target.Length - query - 1));
        }

        _head.Bytes = [.. received];
    }

    public static int[] Sizes { get; } = [10, 1_000, 10_000];

    public static string[] Names { get; } = ["hosts", "wildcard hosts", "prefixes", "exact paths", "mixed, any-case and regex"];

    public string Name { get; }

    public int Size { get; }

    public RouteTable Table { get; }

    public static RouteMatchScenario Create(string name, int size) => name switch
    {
        "hosts" => new(name, size, [.. Range(size).Select(i => Host($"svc-{i}.team-{i % 37}.example.com", Forward(new PrefixPath("/"), i)))],
            i => ($"svc-{i}.team-{i % 37}.example.com", $"/api/v1/items/{i}?page=2")),
        "wildcard hosts" => new(name, size, [.. Range(size).Select(i => Host($"*.svc-{i}.example.com", Forward(new PrefixPath("/"), i)))],
            i => ($"www.svc-{i}.example.com", $"/api/v1/items/{i}?page=2")),
        "prefixes" => OneHost(name, size, i => Forward(new PrefixPath($"/api/v1/svc-{i}/"), i)),
        "exact paths" => OneHost(name, size, i => Forward(new ExactPath($"/api/v1/svc-{i}/items"), i)),
        _ => OneHost(name, size, i => i switch
        {
            _ when i % 100 == 7 => Forward(new RegexPath($"/api/v1/svc-{i}/[a-z]+"), i),
            _ when i % 5 == 1 => Forward(new ExactPath($"/api/v1/svc-{i}/items"), i),
            _ when i % 5 == 2 => Forward(new PrefixPath($"/API/v1/svc-{i}/"), i, caseSensitive: false),
            _ when i % 5 == 3 => Forward(new SeparatedPrefixPath($"/api/v1/svc-{i}"), i),
            _ => Forward(new PrefixPath($"/api/v1/svc-{i}/"), i),
        }),
    };

    public static RouteTable Compile(RouteConfiguration configuration) => RouteTable.Compile(configuration, Re2Syntax.Read);

    /// <summary>Asks every request once; returns the number of requests that found their route.</summary>
    public int AskAll()
    {
        var found = 0;
        foreach (var (authority, target, path, query) in _requests)
        {
            _head.AuthoritySlice = authority;
            _head.TargetSlice = target;
            _head.PathSlice = path;
            _head.QuerySlice = query;
            found += Table.TryMatch(_head, RuntimeValues.Empty, 42, out _) ? 1 : 0;
        }

        return found;
    }

    private static RouteMatchScenario OneHost(string name, int size, Func<int, Route> route) =>
        new(name, size, [Host("www.example.com", [.. Range(size).Select(route)])], i => ("www.example.com", $"/api/v1/svc-{i}/items?page=2"));

    private static IEnumerable<int> Range(int size) => Enumerable.Range(0, size);

    private static VirtualHost Host(string domain, params Route[] routes) => new() { Name = domain, Domains = [domain], Routes = [.. routes] };

    private static Route Forward(PathSpecifier path, int i, bool caseSensitive = true) => new()
    {
        Name = i.ToString(CultureInfo.InvariantCulture),
        Match = new RouteMatch { Path = path, CaseSensitive = caseSensitive },
        Action = new ForwardAction { Cluster = new SingleCluster($"cluster-{i}") },
    };
}
