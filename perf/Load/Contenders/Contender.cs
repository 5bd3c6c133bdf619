using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Contenders;

/// <summary>What a contender is given to start with.</summary>
/// <param name="Port">Where it must listen, on 127.0.0.1.</param>
/// <param name="BackendPort">Where it must send everything, on 127.0.0.1.</param>
/// <param name="Folder">A temporary folder of its own.</param>
/// <param name="Certificate">What it must present to clients; null where they speak plain text.</param>
internal sealed record ContenderSite(LoadOptions Options, int Core, int Port, int BackendPort, string Folder, ServerCertificate? Certificate)
{
    /// <summary>What it must say in x-forwarded-proto.</summary>
    public string Scheme => Certificate is null ? "http" : "https";
}

/// <summary>
/// A proxy under comparison. Each does the same job: one worker, HTTP/1.1 to the backend over kept connections, x-forwarded-for,
/// x-forwarded-proto and x-request-id added, no log.
/// </summary>
internal abstract class Contender
{
    /// <summary>An earlier kpn, which takes part where its binary is given.</summary>
    public const string Before = "before";

    public abstract string Name { get; }

    /// <summary>Request targets that are asked for in turn.</summary>
    public virtual IReadOnlyList<string> Paths => ["/"];

    /// <summary>Commands that must be on the PATH.</summary>
    public virtual IReadOnlyList<string> Tools => [];

    /// <summary>Load before the first measured round: 2 s, more where a just-in-time compiler has to settle.</summary>
    public virtual TimeSpan WarmUp => TimeSpan.FromSeconds(2);

    /// <summary>One line for the report.</summary>
    public abstract Task<string> VersionAsync(CancellationToken cancel);

    /// <summary>Starts the process; the caller waits for its first answer.</summary>
    public abstract Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel);

    /// <summary>Bytes that the proxy's workers have allocated on the GC heap so far; null for a proxy that has none or does not tell.</summary>
    public virtual Task<long?> HeapBytesAsync(CancellationToken cancel) => Task.FromResult<long?>(null);

    public static Contender Named(string name, LoadOptions options) => name switch
    {
        "nginx" => new NginxContender(),
        "haproxy" => new HaproxyContender(),
        "yarp" => new YarpContender(),
        "relay" => new RelayContender("relay", "relay"),
        "relay-uring" => new RelayContender("relay-uring", "relay_uring"),
        Before => new KpnContender(Before, new KpnTable(options.Routes, 1, options.Routes), options.BeforePath),
        _ => new KpnContender("kpn", new KpnTable(options.Routes, 1, options.Routes)),
    };
}
