namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A format string.</summary>
internal sealed class TextAccessLogFormat(AccessLogSegment[] segments, bool omitEmptyValues) : AccessLogFormat
{
    private protected override ValueEscaping Escaping => ValueEscaping.Text;

    private protected override void Write(IAccessLogSource source, ref FormatSink sink) =>
        WriteSegments(segments, omitEmptyValues, source, ref sink);

    internal static void WriteSegments(AccessLogSegment[] segments, bool omitEmptyValues, IAccessLogSource source, ref FormatSink sink)
    {
        foreach (var segment in segments)
        {
            if (segment.Operator is null)
            {
                sink.Raw(segment.Literal);
            }
            else if (!segment.Operator.Write(source, ref sink) && !omitEmptyValues)
            {
                sink.Raw("-"u8);
            }
        }
    }
}
