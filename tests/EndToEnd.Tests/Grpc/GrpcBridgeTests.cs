using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>Calls by curl and HTTP/1.1 through the bridge, to a server that speaks gRPC alone.</summary>
public sealed class GrpcBridgeTests
{
    private const string Bridge = """
        { name: envoy.filters.http.grpc_http1_bridge, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_http1_bridge.v3.Config, upgrade_protobuf_to_grpc: true, ignore_query_parameters: true } },
        """;

    [Theory]
    [InlineData("application/x-protobuf", new byte[] { 1, 2, 3 })]
    [InlineData("application/grpc", new byte[] { 0, 0, 0, 0, 3, 1, 2, 3 })]
    public async Task Curl_gets_the_answer_and_its_status(string type, byte[] message)
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { Filters = Bridge }, backend.Port);

        var (head, answer) = await CallAsync(proxy, type, message);

        head.Should().StartWith("HTTP/1.1 200").And.Contain("grpc-status: 0").And.Contain($"content-length: {message.Length}");
        answer.Should().Equal(message);
        (head, answer) = await CallAsync(proxy, type, message, "x-status: NotFound");
        head.Should().StartWith("HTTP/1.1 503 Service Unavailable").And.Contain("grpc-status: 5").And.Contain("grpc-message: as asked: 100 %25");
        answer.Should().BeEmpty();
        await proxy.MustBeQuietAsync();
    }

    private static async Task<(string Head, byte[] Body)> CallAsync(Http2Proxy proxy, string type, byte[] message, string field = "x-none: 0")
    {
        var curl = Requires.Tool("curl");
        using var folder = new TempFolder();
        await File.WriteAllBytesAsync(folder.File("call"), message, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(folder.File("answer"), [], TestContext.Current.CancellationToken);
        var asked = await ChildProcess.RunAsync(
            curl, "-sS", "--http1.1", "-D", folder.File("head"), "-o", folder.File("answer"), "-H", $"content-type: {type}", "-H", field, "--data-binary", $"@{folder.File("call")}",
            $"http://127.0.0.1:{proxy.Port}/test.Echo/Unary?x=1");
        asked.Error.Should().BeEmpty();
        return (await File.ReadAllTextAsync(folder.File("head"), TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(folder.File("answer"), TestContext.Current.CancellationToken));
    }
}
