using System.Globalization;
using Grpc.Core;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>What the service serves; see <see cref="EchoMethods"/>.</summary>
internal sealed class EchoService(GrpcBackend backend) : EchoServiceBase
{
    public override async Task<byte[]> Unary(byte[] request, ServerCallContext context)
    {
        backend.Note(context);
        if (context.RequestHeaders.GetValue("x-headers") is { } value)
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "x-head", value }, { "x-head-bin", [0, 1, 0xff] } });
        }

        context.ResponseTrailers.Add("x-trailer", "behind");
        context.ResponseTrailers.Add("x-trailer-bin", [0xff, 0, 0x80]);
        if (backend.NextStatus(context.RequestHeaders.GetValue("x-status")) is { } status and not StatusCode.OK)
        {
            throw new RpcException(new Status(status, "as asked: 100 % \u00fc"), new Metadata { { "grpc-status-details-bin", [1, 2, 3] } });
        }

        return request;
    }

    public override async Task<byte[]> Hang(byte[] request, ServerCallContext context)
    {
        backend.Note(context);
        await using var registration = context.CancellationToken.Register(backend.Cancelled.Set);
        backend.Hanging.Set();
        await Task.Delay(Timeout.Infinite, context.CancellationToken);
        return request;
    }

    public override async Task Down(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context)
    {
        backend.Note(context);
        await using var registration = context.CancellationToken.Register(backend.Cancelled.Set);
        for (var i = 0; i < request[0] || request[0] == byte.MaxValue; i++)
        {
            await responses.WriteAsync(request[0] == byte.MaxValue ? new byte[10_000] : [(byte)i], context.CancellationToken);
        }

        context.ResponseTrailers.Add("x-count", request[0].ToString(CultureInfo.InvariantCulture));
    }

    public override async Task<byte[]> Up(IAsyncStreamReader<byte[]> requests, ServerCallContext context)
    {
        backend.Note(context);
        var all = new MemoryStream();
        await foreach (var message in requests.ReadAllAsync(context.CancellationToken))
        {
            all.Write(message);
        }

        return all.ToArray();
    }

    public override async Task Chat(IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext context)
    {
        backend.Note(context);
        await foreach (var message in requests.ReadAllAsync(context.CancellationToken))
        {
            await responses.WriteAsync(message, context.CancellationToken);
        }
    }
}
