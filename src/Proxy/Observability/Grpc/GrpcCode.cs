namespace KubeProxyNet.Proxy.Observability.Grpc;

/// <summary>The status of a gRPC call (gRPC, "Status codes and their use in gRPC").</summary>
internal enum GrpcCode
{
    /// <summary>A status was sent, and it is none of these.</summary>
    Invalid = -1,
    Ok = 0,
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>What statuses of gRPC and of HTTP stand for each other, as in Envoy.</summary>
internal static class GrpcCodes
{
    /// <summary>What an HTTP status stands for where there is none of gRPC (gRPC, "HTTP to gRPC Status Code Mapping").</summary>
    public static GrpcCode FromHttp(int status) => status switch
    {
        400 => GrpcCode.Internal,
        401 => GrpcCode.Unauthenticated,
        403 => GrpcCode.PermissionDenied,
        404 => GrpcCode.Unimplemented,
        429 or 502 or 503 or 504 => GrpcCode.Unavailable,
        _ => GrpcCode.Unknown,
    };

    /// <summary>The HTTP status that a call's status stands for (<c>google.rpc.Code</c>); what is no code is a server's fault.</summary>
    public static int ToHttp(GrpcCode code) => code switch
    {
        GrpcCode.Ok => 200,
        GrpcCode.Canceled => 499,
        GrpcCode.InvalidArgument or GrpcCode.FailedPrecondition or GrpcCode.OutOfRange => 400,
        GrpcCode.DeadlineExceeded => 504,
        GrpcCode.NotFound => 404,
        GrpcCode.AlreadyExists or GrpcCode.Aborted => 409,
        GrpcCode.PermissionDenied => 403,
        GrpcCode.ResourceExhausted => 429,
        GrpcCode.Unimplemented => 501,
        GrpcCode.Unavailable => 503,
        GrpcCode.Unauthenticated => 401,
        _ => 500,
    };
}
