namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A format string.</summary>
internal sealed class TextAccessLogFormat(AccessLogSegment[] segments, bool omitEmptyValues) : AccessLogFormat
{
    /// <inheritdoc/>
    public override AccessLogNeeds Needs { get; } = NeedsOf(segments);

    private protected override ValueEscaping Escaping => ValueEscaping.Text;

    private protected override void Write(IAccessLogSource source, ref FormatSink sink) =>
        WriteSegments(segments, omitEmptyValues, source, ref sink);

    internal static AccessLogNeeds NeedsOf(AccessLogSegment[] segments) =>
        segments.Aggregate(AccessLogNeeds.None, static (needs, segment) => needs | (segment.Operator?.Needs ?? AccessLogNeeds.None));

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
