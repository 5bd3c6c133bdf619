using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>A server over plain HTTP/2 that answers as the path asks, well or badly.</summary>
internal sealed class SoakBackend : IAsyncDisposable
{
    private const int PieceBytes = 16 * 1024;
    private static readonly byte[] Piece = new byte[PieceBytes];
    private WebApplication _app = null!;

    private SoakBackend()
    {
    }

    public int Port { get; private set; }

    public static async Task<SoakBackend> StartAsync()
    {
        var backend = new SoakBackend();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        backend._app = builder.Build();
        backend._app.Run(ServeAsync);
        await backend._app.StartAsync();
        backend.Port = new Uri(backend._app.Urls.Single()).Port;
        return backend;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task ServeAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/echo":
                await context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
                break;
            case "/large":
                for (var i = 0; i < 32; i++)
                {
                    await context.Response.Body.WriteAsync(Piece, context.RequestAborted);
                }

                break;
            case "/broken":
                await context.Response.Body.WriteAsync(Piece, context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                context.Abort();
                break;
            case "/reset":
                context.Abort();
                break;
            case "/error":
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                break;
            case "/leave":
                // Over HTTP/2 this ends the connection with GOAWAY.
                context.Response.Headers.Connection = "close";
                break;
            default:
                await context.Response.WriteAsync("ok", context.RequestAborted);
                break;
        }
    }
}
