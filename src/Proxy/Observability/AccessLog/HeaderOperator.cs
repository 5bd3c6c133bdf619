using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>Where a header is looked for.</summary>
internal enum HeaderPlace
{
    /// <summary>The request.</summary>
    Request,

    /// <summary>The response's head.</summary>
    Response,

    /// <summary>The response's trailers.</summary>
    Trailers,
}

/// <summary>
/// <c>%REQ(X?Y):Z%</c>, <c>%RESP(X?Y):Z%</c> and <c>%TRAILER(X?Y):Z%</c>: header X, else header Y, at most Z bytes of it; <c>%REQ_WITHOUT_QUERY%</c> also drops what
/// follows the first question mark.
/// </summary>
internal sealed class HeaderOperator : AccessLogOperator
{
    private readonly HeaderPlace _place;
    private readonly bool _withoutQuery;
    private readonly byte[] _name;
    private readonly byte[]? _alternative;
    private readonly int _maxLength;

    internal HeaderOperator(string name, string? alternative, int maxLength, HeaderPlace place, bool withoutQuery)
    {
        _name = Encoding.ASCII.GetBytes(name.ToLowerInvariant());
        _alternative = alternative is null ? null : Encoding.ASCII.GetBytes(alternative.ToLowerInvariant());
        _maxLength = maxLength;
        _place = place;
        _withoutQuery = withoutQuery;
    }

    internal override AccessLogNeeds Needs => _place switch
    {
        HeaderPlace.Request => AccessLogNeeds.RequestHead,
        HeaderPlace.Response => AccessLogNeeds.ResponseHead,
        _ => AccessLogNeeds.ResponseTrailers,
    };

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
        _place switch
        {
            HeaderPlace.Request => source.TryGetRequestHeader(name, out value),
            HeaderPlace.Response => source.TryGetResponseHeader(name, out value),
            _ => source.TryGetResponseTrailer(name, out value),
        };
}
