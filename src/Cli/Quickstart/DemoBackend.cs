using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KubeProxyNet.Cli.Quickstart;

/// <summary>A small HTTP server on Kestrel that says its name and what it was asked.</summary>
internal sealed class DemoBackend : IAsyncDisposable
{
    private readonly WebApplication _application;

    private DemoBackend(WebApplication application) => _application = application;

    /// <summary>Starts a backend on the loopback address.</summary>
    /// <exception cref="IOException">The port is in use; the message says so.</exception>
    public static async Task<DemoBackend> StartAsync(string name, int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Listen(new IPEndPoint(IPAddress.Loopback, port));
        });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var application = builder.Build();
        application.Run(context => AnswerAsync(context, name));
        try
        {
            await application.StartAsync();
        }
        catch (IOException error)
        {
            await application.DisposeAsync();
            throw new IOException($"the demo backend \"{name}\" cannot listen on 127.0.0.1:{port}: {error.Message}; stop what uses the port (see `ss -ltnp`)", error);
        }

        return new DemoBackend(application);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private static Task AnswerAsync(HttpContext context, string name)
    {
        var request = context.Request;
        var text = new StringBuilder().Append("backend: ").AppendLine(name)
            .Append("request: ").Append(request.Method).Append(' ').Append(request.Path).Append(request.QueryString).AppendLine();
        foreach (var (header, value) in request.Headers)
        {
            text.Append(header.ToLowerInvariant()).Append(": ").AppendLine(value.ToString());
        }

        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text.ToString());
    }

    // The command ends the backends itself, after the proxy has drained.
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
