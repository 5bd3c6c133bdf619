using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>What a request that the codec refuses is answered with.</summary>
internal static class RequestErrors
{
    /// <summary>The status (RFC 9110 §15.5 and §15.6, RFC 6585 §5 for 431).</summary>
    public static int Status(Http1Error error) => error switch
    {
        Http1Error.HeadTooLarge or Http1Error.TooManyFields => 431,
        Http1Error.BadVersion => 505,
        Http1Error.UnsupportedTransferEncoding => 501,
        _ => 400,
    };

    /// <summary>Envoy's response code details (its http2 codec, "http2.*").</summary>
    public static string Http2Details(Http1Error error) => error switch
    {
        Http1Error.HeadTooLarge => "http2.headers_too_large",
        Http1Error.TooManyFields => "http2.too_many_headers",
        Http1Error.BadHost => "missing_host_header",
        Http1Error.UnderscoreInFieldName => "http2.unexpected_underscore",
        Http1Error.BadFieldName or Http1Error.BadFieldValue => "http2.invalid.header.field",
        _ => "http2.violation.of.messaging.rule",
    };

    /// <summary>Envoy's response code details (its http1 codec, "http1.*").</summary>
    public static string Details(Http1Error error) => error switch
    {
        Http1Error.HeadTooLarge => "http1.headers_too_large",
        Http1Error.TooManyFields => "http1.too_many_headers",
        Http1Error.BadTarget => "http1.invalid_url",
        Http1Error.BadHost => "missing_host_header",
        Http1Error.BadContentLength => "http1.invalid_content_length",
        Http1Error.AmbiguousFraming => "http1.content_length_and_chunked_not_allowed",
        Http1Error.UnsupportedTransferEncoding => "http1.invalid_transfer_encoding",
        Http1Error.UnderscoreInFieldName => "http1.unexpected_underscore",
        Http1Error.BadFieldName or Http1Error.BadFieldValue => "http1.invalid_characters",
        _ => "http1.codec_error",
    };
}
