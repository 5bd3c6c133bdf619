using System.Net;
using AwesomeAssertions;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Web;
using KubeProxyNet.EndToEnd.Tests.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>Calls of gRPC-Web through the proxy to a server that speaks gRPC alone.</summary>
public sealed class GrpcWebTests
{
    [Theory]
    [InlineData(GrpcWebMode.GrpcWeb, false)]
    [InlineData(GrpcWebMode.GrpcWebText, false)]
    [InlineData(GrpcWebMode.GrpcWeb, true)]
    public async Task Calls_of_a_web_client_are_served_as_gRPC(GrpcWebMode mode, bool isHttp2)
    {
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { Filters = GrpcSetup.Web + GrpcSetup.Stats, Log = GrpcSetup.Log }, backend.Port);
        using var channel = GrpcChannel.ForAddress($"http://localhost:{proxy.Port}", new GrpcChannelOptions
        {
            HttpHandler = new GrpcWebHandler(mode, GrpcSetup.Handler()),
            HttpVersion = isHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
            HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            DisposeHttpClient = true,
        });

        using var unary = channel.Call(EchoMethods.Unary, [1, 2, 3]);
        (await unary).Should().Equal(1, 2, 3);
        unary.GetTrailers().GetValue("x-trailer").Should().Be("behind");
        using var down = channel.CreateCallInvoker().AsyncServerStreamingCall(EchoMethods.Down, null, default, [20]);
        var answers = new List<int>();
        await foreach (var message in down.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            answers.Add(message[0]);
        }

        answers.Should().Equal(Enumerable.Range(0, 20));
        await channel.Call(EchoMethods.Unary, [], new CallOptions(new Metadata { { "x-status", "NotFound" } })).MustFailAsync(StatusCode.NotFound);
        (await proxy.StatAsync("cluster.backend.grpc-web.test.Echo.Unary.total")).Should().Be(2);
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task The_trailers_are_the_last_frame_of_the_body()
    {
        var curl = Requires.Tool("curl");
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions { Filters = GrpcSetup.Web }, backend.Port);
        using var folder = new TempFolder();
        await File.WriteAllBytesAsync(folder.File("call"), [0, 0, 0, 0, 2, (byte)'h', (byte)'i'], TestContext.Current.CancellationToken);

        var asked = await ChildProcess.RunAsync(
            curl, "-sS", "-o", folder.File("answer"), "-w", "%{content_type}", "-H", "content-type: application/grpc-web+proto", "--data-binary", $"@{folder.File("call")}",
            $"http://127.0.0.1:{proxy.Port}/test.Echo/Unary");

        asked.Output.Trim().Should().Be("application/grpc-web+proto", asked.Error);
        var answer = await File.ReadAllBytesAsync(folder.File("answer"), TestContext.Current.CancellationToken);
        answer[..7].Should().Equal(0, 0, 0, 0, 2, (byte)'h', (byte)'i');
        answer[7].Should().Be(0x80);
        var trailers = System.Text.Encoding.ASCII.GetString(answer[12..]);
        answer[11].Should().Be((byte)trailers.Length);
        trailers.Should().Contain("grpc-status:0\r\n").And.Contain("x-trailer:behind\r\n");
    }
}
