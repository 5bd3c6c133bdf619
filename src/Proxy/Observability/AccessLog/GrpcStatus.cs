using System.Buffers.Text;
using KubeProxyNet.Proxy.Observability.Grpc;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// The gRPC status of a response, as Envoy finds it: <c>grpc-status</c> among the response's trailers, else among its headers, else what the HTTP status stands for.
/// </summary>
internal static class GrpcStatus
{
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

    /// <summary>The status, any number; -1 for one that is no number, null where no response was begun.</summary>
    internal static long? Of(IAccessLogSource source)
    {
        if ((source.TryGetResponseTrailer("grpc-status"u8, out var text) && !text.IsEmpty) || (source.TryGetResponseHeader("grpc-status"u8, out text) && !text.IsEmpty))
        {
            return Utf8Parser.TryParse(text, out uint status, out var consumed) && consumed == text.Length ? status : (long)GrpcCode.Invalid;
        }

        return source.ResponseCode == 0 ? null : (long)GrpcCodes.FromHttp(source.ResponseCode);
    }

    /// <summary>True for a request of gRPC.</summary>
    internal static bool IsGrpc(IAccessLogSource source) => source.TryGetRequestHeader("content-type"u8, out var type) && GrpcContentType.IsGrpc(type);
}

/// <summary><c>%GRPC_STATUS(X)%</c> and <c>%GRPC_STATUS_NUMBER%</c>; none where the request is not gRPC.</summary>
internal sealed class GrpcStatusOperator : AccessLogOperator
{
    private readonly byte[][]? _names;

    /// <summary>With the names to show by number; null shows the number.</summary>
    internal GrpcStatusOperator(string[]? names) => _names = names is null ? null : [.. names.Select(System.Text.Encoding.ASCII.GetBytes)];

    internal override bool IsNumber => _names is null;

    internal override AccessLogNeeds Needs => AccessLogNeeds.RequestHead | AccessLogNeeds.ResponseHead | AccessLogNeeds.ResponseTrailers;

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

        if (_names is not null && status >= 0 && status < _names.Length)
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
