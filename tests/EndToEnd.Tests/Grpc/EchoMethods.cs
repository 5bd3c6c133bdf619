using Grpc.Core;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>The methods of the service that the peers of these tests speak: messages are bytes, so that nothing is generated.</summary>
internal static class EchoMethods
{
    public const string Service = "test.Echo";

    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    /// <summary>Answers with the message it gets, or fails as the metadata <c>x-status</c> says.</summary>
    public static readonly Method<byte[], byte[]> Unary = Of(MethodType.Unary, nameof(EchoService.Unary));

    /// <summary>Answers with as many messages as the first byte of the request says, or for ever where it is 255.</summary>
    public static readonly Method<byte[], byte[]> Down = Of(MethodType.ServerStreaming, nameof(EchoService.Down));

    /// <summary>Answers with all messages joined.</summary>
    public static readonly Method<byte[], byte[]> Up = Of(MethodType.ClientStreaming, nameof(EchoService.Up));

    /// <summary>Answers each message with itself.</summary>
    public static readonly Method<byte[], byte[]> Chat = Of(MethodType.DuplexStreaming, nameof(EchoService.Chat));

    /// <summary>Never answers; ends when it is cancelled.</summary>
    public static readonly Method<byte[], byte[]> Hang = Of(MethodType.Unary, nameof(EchoService.Hang));

    private static Method<byte[], byte[]> Of(MethodType type, string name) => new(type, Service, name, Bytes, Bytes);
}
