namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>Why an upstream's response was refused, in Envoy's response code details.</summary>
internal static class ResponseErrors
{
    /// <summary>The details of an error.</summary>
    public static string Details(Http1Error error) => error switch
    {
        Http1Error.HeadTooLarge => "http1.response_headers_too_large",
        Http1Error.TooManyFields => "http1.too_many_headers",
        Http1Error.BadContentLength => "http1.invalid_content_length",
        Http1Error.AmbiguousFraming => "http1.content_length_and_chunked_not_allowed",
        Http1Error.UnsupportedTransferEncoding => "http1.invalid_transfer_encoding",
        Http1Error.BadFieldName or Http1Error.BadFieldValue => "http1.invalid_characters",
        Http1Error.BadChunk => "http1.invalid_chunk",
        _ => "upstream_reset_before_response_started{protocol_error}",
    };
}
