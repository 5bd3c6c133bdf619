using System.Text;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>Calls of gRPC over HTTP/1.1, which is all that what is said in heads needs.</summary>
internal static class GrpcTraffic
{
    /// <summary>A backend that answers with a status in its head and no body.</summary>
    public static BackendScript Status(int status, params RawHeader[] headers) =>
        BackendScripts.Answer(200, "", [new RawHeader("content-type", "application/grpc"), new RawHeader("grpc-status", $"{status}"), .. headers]);

    /// <summary>A backend whose answers have these statuses, one after the other, and then the last one.</summary>
    public static BackendScript Statuses(params int[] statuses) => BackendScripts.EachRequest((connection, request) => connection.SendAsync(
        $"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: {statuses[Math.Min(request.Arrival, statuses.Length) - 1]}\r\ncontent-length: 0\r\n\r\n"));

    /// <summary>One call, whose request is over with its head.</summary>
    public static Task<RawResponse> CallAsync(int port, string lines = "", string path = "/shop.Cart/Add", string type = "application/grpc") =>
        RawHttpClient.ExchangeAsync(port, Request(lines, path, type));

    public static string Request(string lines = "", string path = "/shop.Cart/Add", string type = "application/grpc", string body = "") =>
        $"POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {type}\r\n{lines}content-length: {Encoding.Latin1.GetByteCount(body)}\r\n\r\n{body}";
}
