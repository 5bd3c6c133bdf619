using System.Buffers.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// The gRPC status of a response, as Envoy finds it: <c>grpc-status</c> among the response's headers, else what the HTTP status stands for
/// (gRPC, "HTTP to gRPC Status Code Mapping"). Trailers are not kept, and HTTP/1.1 seldom has any.
/// </summary>
internal static class GrpcStatus
{
    /// <summary>UNKNOWN.</summary>
    internal const int Unknown = 2;

    /// <summary>Names in the form of Envoy's <c>CAMEL_STRING</c>, by number.</summary>
    internal static readonly string[] CamelNames =
    [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
        "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ];

    /// <summary>Names in the form of Envoy's <c>SNAKE_STRING</c>, by number.</summary>
    internal static readonly string[] SnakeNames =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED",
    ];

    /// <summary>The status; null where no response was begun.</summary>
    internal static long? Of(IAccessLogSource source)
    {
        if (source.TryGetResponseHeader("grpc-status"u8, out var text) && Utf8Parser.TryParse(text, out uint status, out var consumed) && consumed == text.Length)
        {
            return status;
        }

        return source.ResponseCode switch
        {
            0 => null,
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 or 502 or 503 or 504 => 14,
            _ => Unknown,
        };
    }

    /// <summary>True for <c>application/grpc</c>, alone or with <c>+</c> and a codec.</summary>
    internal static bool IsGrpc(IAccessLogSource source) => source.TryGetRequestHeader("content-type"u8, out var type)
        && type.StartsWith("application/grpc"u8) && (type.Length == 16 || type[16] == (byte)'+');
}

/// <summary><c>%GRPC_STATUS(X)%</c> and <c>%GRPC_STATUS_NUMBER%</c>; none where the request is not gRPC.</summary>
internal sealed class GrpcStatusOperator : AccessLogOperator
{
    private readonly byte[][]? _names;

    /// <summary>With the names to show by number; null shows the number.</summary>
    internal GrpcStatusOperator(string[]? names) => _names = names is null ? null : [.. names.Select(System.Text.Encoding.ASCII.GetBytes)];

    internal override bool IsNumber => _names is null;

    internal override AccessLogNeeds Needs => AccessLogNeeds.RequestHead | AccessLogNeeds.ResponseHead;

    internal static GrpcStatusOperator Parse(AccessLogCommand command) => command.Argument switch
    {
        null or "" or "CAMEL_STRING" => new GrpcStatusOperator(GrpcStatus.CamelNames),
        "SNAKE_STRING" => new GrpcStatusOperator(GrpcStatus.SnakeNames),
        "NUMBER" => new GrpcStatusOperator(null),
        _ => throw command.Wrong("the argument can only be CAMEL_STRING, SNAKE_STRING or NUMBER"),
    };

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        if (!GrpcStatus.IsGrpc(source) || GrpcStatus.Of(source) is not { } status)
        {
            return false;
        }

        if (_names is not null && status < _names.Length)
        {
            sink.Value(_names[status]);
        }
        else
        {
            sink.Number(status);
        }

        return true;
    }
}
