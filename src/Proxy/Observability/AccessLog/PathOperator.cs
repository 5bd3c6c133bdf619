namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// <c>%PATH(X:Y):Z%</c>: the path with (WQ) or without (NQ) its query; from <c>x-envoy-original-path</c> (ORIG), <c>:path</c> (PATH), or
/// the first of them that is there (ORIG_OR_PATH).
/// </summary>
internal sealed class PathOperator : AccessLogOperator
{
    private readonly bool _withQuery;
    private readonly bool _original;
    private readonly bool _current;
    private readonly int _maxLength;

    private PathOperator(bool withQuery, bool original, bool current, int maxLength)
    {
        _withQuery = withQuery;
        _original = original;
        _current = current;
        _maxLength = maxLength;
    }

    internal override AccessLogNeeds Needs => AccessLogNeeds.RequestHead;

    internal static PathOperator Parse(AccessLogCommand command)
    {
        var parts = (command.Argument ?? "").Split(':');
        var source = parts.Length > 1 ? parts[1] : "";
        return parts.Length <= 2 && parts[0] is "" or "WQ" or "NQ" && source is "" or "ORIG" or "PATH" or "ORIG_OR_PATH"
            ? new PathOperator(parts[0] != "NQ", source != "PATH", source != "ORIG", command.MaxLength ?? int.MaxValue)
            : throw command.Wrong("the argument is WQ or NQ, then optionally a colon and ORIG, PATH or ORIG_OR_PATH");
    }

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        ReadOnlySpan<byte> path = default;
        var found = (_original && source.TryGetRequestHeader("x-envoy-original-path"u8, out path))
            || (_current && source.TryGetRequestHeader(":path"u8, out path));
        var question = found && !_withQuery ? path.IndexOf((byte)'?') : -1;
        sink.Value(question < 0 ? path : path[..question], _maxLength);
        return found;
    }
}
