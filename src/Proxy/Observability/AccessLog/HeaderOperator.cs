using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// <c>%REQ(X?Y):Z%</c> and <c>%RESP(X?Y):Z%</c>: header X, else header Y, at most Z bytes of it; <c>%REQ_WITHOUT_QUERY%</c> also drops what
/// follows the first question mark.
/// </summary>
internal sealed class HeaderOperator : AccessLogOperator
{
    private readonly bool _isResponse;
    private readonly bool _withoutQuery;
    private readonly byte[] _name;
    private readonly byte[]? _alternative;
    private readonly int _maxLength;

    internal HeaderOperator(string name, string? alternative, int maxLength, bool isResponse, bool withoutQuery)
    {
        _name = Encoding.ASCII.GetBytes(name.ToLowerInvariant());
        _alternative = alternative is null ? null : Encoding.ASCII.GetBytes(alternative.ToLowerInvariant());
        _maxLength = maxLength;
        _isResponse = isResponse;
        _withoutQuery = withoutQuery;
    }

    internal override AccessLogNeeds Needs => _isResponse ? AccessLogNeeds.ResponseHead : AccessLogNeeds.RequestHead;

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        if (!TryGet(source, _name, out var value) && (_alternative is null || !TryGet(source, _alternative, out value)))
        {
            return false;
        }

        var question = _withoutQuery ? value.IndexOf((byte)'?') : -1;
        sink.Value(question < 0 ? value : value[..question], _maxLength);
        return true;
    }

    private bool TryGet(IAccessLogSource source, byte[] name, out ReadOnlySpan<byte> value) =>
        _isResponse ? source.TryGetResponseHeader(name, out value) : source.TryGetRequestHeader(name, out value);
}
