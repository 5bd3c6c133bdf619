using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tls.Inspection;

namespace KubeProxyNet.Proxy.Listeners.Inspection;

/// <summary>Finds out whether a client speaks TLS, and what it asks for (Envoy documentation, "TLS Inspector").</summary>
internal static class TlsInspector
{
    /// <summary>Looks at everything that has arrived.</summary>
    public static InspectionVerdict Look(TlsInspectorConfig config, Span<byte> bytes, InspectedConnection inspected, InspectionStats stats, StatPage page)
    {
        switch (ClientHelloReader.Read(bytes, config.MaxClientHelloBytes, out var hello))
        {
            case ClientHelloStatus.NeedMore:
                return InspectionVerdict.NeedMore;
            case ClientHelloStatus.TooLarge:
                page.Increment(stats.ClientHelloTooLarge);
                page.Record(stats.BytesProcessed, bytes.Length);
                return InspectionVerdict.Close;
            case ClientHelloStatus.Found:
                inspected.IsTls = true;
                inspected.ServerName = hello.ServerName.ToArray();
                inspected.ApplicationProtocols = hello.ApplicationProtocols.ToArray();
                page.Increment(stats.TlsFound);
                page.Increment(hello.ServerName.IsEmpty ? stats.SniNotFound : stats.SniFound);
                page.Increment(hello.ApplicationProtocols.IsEmpty ? stats.AlpnNotFound : stats.AlpnFound);
                page.Record(stats.BytesProcessed, hello.Length);
                return InspectionVerdict.Continue;
            default:
                // Plain text is not told from a ClientHello that is none, as in Envoy.
                page.Increment(stats.TlsNotFound);
                page.Record(stats.BytesProcessed, bytes.Length);
                return config.ClosesOnParsingErrors ? InspectionVerdict.Close : InspectionVerdict.Continue;
        }
    }
}
