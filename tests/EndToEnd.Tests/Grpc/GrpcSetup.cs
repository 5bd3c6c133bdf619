using Grpc.Core;
using Grpc.Net.Client;
using KubeProxyNet.EndToEnd.Tests.Http2;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>Clients of Grpc.Net.Client before a proxy.</summary>
internal static class GrpcSetup
{
    /// <summary>What a call logs: its method, its status in gRPC and a trailer.</summary>
    public const string Log = "%REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %GRPC_STATUS% %TRAILER(X-TRAILER)%";

    /// <summary>Counts every method.</summary>
    public const string Stats = """
        { name: envoy.filters.http.grpc_stats, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig, stats_for_all_methods: true } },
        """;

    public const string Web = """
        { name: envoy.filters.http.grpc_web, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb } },
        """;

    /// <summary>A channel to the proxy that has one connection.</summary>
    public static GrpcChannel Channel(Http2Proxy proxy, bool isSecure = false) => GrpcChannel.ForAddress(
        $"{(isSecure ? "https" : "http")}://localhost:{proxy.Port}",
        new GrpcChannelOptions { HttpHandler = Handler(), DisposeHttpClient = true, MaxReceiveMessageSize = null, MaxSendMessageSize = null });

    /// <summary>A handler that trusts everybody.</summary>
    public static SocketsHttpHandler Handler() => new()
    {
        EnableMultipleHttp2Connections = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        SslOptions = { RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null },
    };

    /// <summary>A call with one message each way.</summary>
    public static AsyncUnaryCall<byte[]> Call(this GrpcChannel channel, Method<byte[], byte[]> method, byte[] request, CallOptions options = default) =>
        channel.CreateCallInvoker().AsyncUnaryCall(method, null, options, request);

    /// <summary>The status that a call must fail with.</summary>
    public static async Task<RpcException> MustFailAsync(this AsyncUnaryCall<byte[]> call, StatusCode status)
    {
        try
        {
            await call.ResponseAsync.WaitAsync(Testing.Patience.Limit);
        }
        catch (RpcException e) when (e.StatusCode == status)
        {
            return e;
        }

        throw new InvalidOperationException("The call did not fail.");
    }
}
