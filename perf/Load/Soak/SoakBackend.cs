using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Load.Soak;

/// <summary>Answers with the request's id and the hash of its body, and with so many bytes more as are asked for; echoes WebSocket messages. Its ledger forgets what was settled.</summary>
internal sealed class SoakBackend : IAsyncDisposable
{
    public const string IdHeader = "x-id";
    public const string SizeHeader = "x-size";

    private static readonly byte[] Filling = new byte[64 * 1024];
    private readonly ConcurrentDictionary<string, int> _executed = new(StringComparer.Ordinal);
    private readonly WebApplication _application;

    private SoakBackend(int port)
    {
        Port = port;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, port));
        _application = builder.Build();
        _application.UseWebSockets();
        _application.Run(AnswerAsync);
    }

    public int Port { get; }

    /// <summary>Requests in the ledger that no client has settled.</summary>
    public int Unsettled => _executed.Count;

    public static async Task<SoakBackend> StartAsync(int port, CancellationToken cancel)
    {
        var backend = new SoakBackend(port);
        await backend._application.StartAsync(cancel);
        return backend;
    }

    /// <summary>What the backend answers before the filling.</summary>
    public static string AnswerTo(string id, byte[] body) => $"{id} {Convert.ToHexString(SHA256.HashData(body))}";

    /// <summary>Takes a request out of the ledger; how often it was executed.</summary>
    public int Settle(string id) => _executed.TryRemove(id, out var times) ? times : 0;

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            await EchoAsync(context);
            return;
        }

        if (context.Request.Headers[IdHeader].ToString() is not { Length: > 0 } id)
        {
            return;
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        _executed.AddOrUpdate(id, 1, static (_, times) => times + 1);
        var size = int.TryParse(context.Request.Headers[SizeHeader], out var asked) ? asked : 0;
        var answer = System.Text.Encoding.ASCII.GetBytes(AnswerTo(id, body.ToArray()));
        context.Response.ContentLength = answer.Length + size;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
        for (var left = size; left > 0; left -= Filling.Length)
        {
            await context.Response.Body.WriteAsync(Filling.AsMemory(0, Math.Min(left, Filling.Length)), context.RequestAborted);
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[16 * 1024];
        while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
        {
            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, context.RequestAborted);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
    }
}
