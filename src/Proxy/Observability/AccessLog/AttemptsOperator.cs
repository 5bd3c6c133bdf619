namespace KubeProxyNet.Proxy.Observability.AccessLog;

internal delegate ReadOnlySpan<byte> BytesOfAttempt(IAccessLogSource source, int index);

/// <summary><c>%UPSTREAM_HOSTS_ATTEMPTED%</c> and its kin: one value an attempt, with commas between.</summary>
internal sealed class AttemptsOperator(BytesOfAttempt read, AddressPart part) : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        for (var i = 0; i < source.AttemptedHosts; i++)
        {
            sink.Raw(i == 0 ? ""u8 : ","u8);
            sink.Value(AddressOperator.Part(read(source, i), part));
        }

        return source.AttemptedHosts > 0;
    }
}

/// <summary><c>%UPSTREAM_CONNECTION_IDS_ATTEMPTED%</c>: the numbers of the connections that carried the request, with commas between.</summary>
internal sealed class AttemptedConnectionsOperator : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var any = false;
        for (var i = 0; i < source.AttemptedHosts; i++)
        {
            if (source.AttemptedConnectionId(i) is > 0 and var id)
            {
                sink.Raw(any ? ","u8 : ""u8);
                sink.Number(id);
                any = true;
            }
        }

        return any;
    }
}
