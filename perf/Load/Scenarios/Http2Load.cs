using System.Net;
using KubeProxyNet.Load.Generators;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>What clients ask for in the scenarios over HTTP/2.</summary>
internal static class Http2Load
{
    /// <summary>Client connections where nothing else is asked for.</summary>
    public const int Connections = 16;

    /// <summary>Streams that each of them has open.</summary>
    public const int Streams = 32;

    /// <summary>Streams of the one connection of large downloads.</summary>
    public const int BulkStreams = 10;

    /// <summary>Requests of a run of large downloads, for each second that it is to take: about what a core moves.</summary>
    private const int BulkRequestsPerSecond = 100;

    private static readonly byte[] Message = new byte[50];

    /// <summary>The generator of a scenario.</summary>
    public static async Task<H2load> GeneratorAsync(Stage stage, CancellationToken cancel)
    {
        var load = new H2load(Stage.LoadCore, stage.Options.ConnectionsAsked ?? Connections, Streams, Tls: stage.Certificate is not null);
        switch (stage.Options.Scenario)
        {
            case Scenario.Http2Bulk:
                // Windows as browsers have them: they are given back while a body goes on, and never hold it up.
                return load with { Connections = 1, Streams = BulkStreams, RequestsPerSecond = BulkRequestsPerSecond, WindowBits = (23, 24) };
            case Scenario.Http2Grpc:
                var file = Path.Combine(stage.Folder, "message");
                await File.WriteAllBytesAsync(file, Framed(Message), cancel);
                return load with { BodyFile = file, Fields = ["content-type: application/grpc", "te: trailers"] };
            default:
                return load;
        }
    }

    /// <summary>One unary call: its message and its status must come as the backend sends them, or the proxy does not do the job. Throws.</summary>
    public static async Task CallAsync(Runner runner, int size, CancellationToken cancel)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{runner.Port}/load.Echo/Unary"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Framed(Message)),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.TE.Add(new("trailers"));
        using var response = await client.SendAsync(request, cancel);
        var body = await response.Content.ReadAsByteArrayAsync(cancel);
        var status = response.TrailingHeaders.TryGetValues("grpc-status", out var values) ? string.Join(',', values) : "none";
        if (response.StatusCode != HttpStatusCode.OK || body.Length != 5 + size || status != "0")
        {
            throw new LoadException($"{runner.Name}: a call was answered with {(int)response.StatusCode}, {body.Length} bytes and the gRPC status {status}");
        }
    }

    /// <summary>A message as gRPC frames it: not compressed, and its length.</summary>
    private static byte[] Framed(byte[] message) => [0, 0, 0, 0, (byte)message.Length, .. message];
}
