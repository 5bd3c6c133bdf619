using Grpc.Core;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>The service as generated code would declare it: the server looks its methods up by name, and takes only what overrides a method of the base.</summary>
[BindServiceMethod(typeof(EchoServiceBase), nameof(Bind))]
internal abstract class EchoServiceBase
{
    /// <summary>As generated code would bind it; who is null is made for each call.</summary>
    public static void Bind(ServiceBinderBase binder, EchoServiceBase? service)
    {
        binder.AddMethod(EchoMethods.Unary, service is null ? null : service.Unary);
        binder.AddMethod(EchoMethods.Hang, service is null ? null : service.Hang);
        binder.AddMethod(EchoMethods.Down, service is null ? null : service.Down);
        binder.AddMethod(EchoMethods.Up, service is null ? null : service.Up);
        binder.AddMethod(EchoMethods.Chat, service is null ? null : service.Chat);
    }

    public abstract Task<byte[]> Unary(byte[] request, ServerCallContext context);

    public abstract Task<byte[]> Hang(byte[] request, ServerCallContext context);

    public abstract Task Down(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context);

    public abstract Task<byte[]> Up(IAsyncStreamReader<byte[]> requests, ServerCallContext context);

    public abstract Task Chat(IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext context);
}
