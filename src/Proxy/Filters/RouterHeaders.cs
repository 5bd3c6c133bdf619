using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>The request headers by which a client that may do so tells the router what to do (Envoy documentation, "Router: HTTP headers consumed").</summary>
internal static class RouterHeaders
{
    private static readonly byte[][] Names =
    [
        "x-envoy-retry-on"u8.ToArray(), "x-envoy-retry-grpc-on"u8.ToArray(), "x-envoy-max-retries"u8.ToArray(),
        "x-envoy-retriable-status-codes"u8.ToArray(), "x-envoy-retriable-header-names"u8.ToArray(),
        "x-envoy-upstream-rq-timeout-ms"u8.ToArray(), "x-envoy-upstream-rq-per-try-timeout-ms"u8.ToArray(),
        "x-envoy-upstream-stream-duration-ms"u8.ToArray(), "x-envoy-hedge-on-per-try-timeout"u8.ToArray(),
    ];

    /// <summary>They have done their work and do not go upstream, where another router would take them for its own.</summary>
    public static void TakeOut(RequestHead request)
    {
        if (!request.Present.Contains(KnownHeader.XEnvoyControl))
        {
            return;
        }

        foreach (var name in Names)
        {
            request.Withhold(KnownHeader.XEnvoyControl, name);
        }
    }
}
