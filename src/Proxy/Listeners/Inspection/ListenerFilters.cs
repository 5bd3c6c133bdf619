using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Inspection;

/// <summary>Runs listener filters over what a connection has received so far.</summary>
internal static class ListenerFilters
{
    /// <summary>One look of one filter.</summary>
    public static InspectionVerdict Look(ListenerFilterConfig filter, Connection connection, InspectedConnection inspected, ListenerState state)
    {
        // As in Envoy: what is encrypted is not looked at for HTTP, and needs no wait.
        if (filter is HttpInspectorConfig && inspected.IsTls)
        {
            return InspectionVerdict.Continue;
        }

        var most = filter is TlsInspectorConfig tls ? tls.MaxClientHelloBytes : HttpInspector.MaxBytes;
        var buffer = connection.Worker.ReceiveBuffer.AsSpan(0, most);
        var count = connection.Peek(buffer);
        if (count == Connection.WouldBlock)
        {
            return InspectionVerdict.NeedMore;
        }

        if (count <= 0)
        {
            return Closed(filter, count == Connection.Broken, connection, state);
        }

        var verdict = filter is TlsInspectorConfig settings
            ? TlsInspector.Look(settings, buffer[..count], inspected, state.Inspection, connection.Worker.Stats)
            : HttpInspector.Look(buffer[..count], inspected, state.Inspection, connection.Worker.Stats);
        if (verdict == InspectionVerdict.NeedMore)
        {
            if (connection.IsPeerClosed)
            {
                return Closed(filter, connection.IsReset, connection, state);
            }

            connection.WaitBeyondPeeked();
        }

        return verdict;
    }

    private static InspectionVerdict Closed(ListenerFilterConfig filter, bool isBroken, Connection connection, ListenerState state)
    {
        var page = connection.Worker.Stats;
        page.Increment(isBroken ? state.Stats.ListenerFilterError : state.Stats.ListenerFilterRemoteClose);
        if (filter is TlsInspectorConfig)
        {
            page.Increment(isBroken ? state.Inspection.TlsReadError : state.Inspection.TlsConnectionClosed);
        }
        else if (isBroken)
        {
            page.Increment(state.Inspection.HttpReadError);
        }

        return InspectionVerdict.Close;
    }
}
