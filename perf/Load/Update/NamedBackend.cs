using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Load.Update;

/// <summary>A backend that answers with its name.</summary>
internal sealed class NamedBackend : IAsyncDisposable
{
    private readonly WebApplication _application;

    private NamedBackend(WebApplication application, string name, int port)
    {
        _application = application;
        Name = name;
        Port = port;
    }

    public string Name { get; }

    public int Port { get; }

    public static async Task<NamedBackend> StartAsync(string name, int port, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, port));
        var application = builder.Build();
        application.Run(context =>
        {
            context.Response.ContentLength = name.Length;
            return context.Response.WriteAsync(name, context.RequestAborted);
        });
        await application.StartAsync(cancel);
        return new NamedBackend(application, name, port);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
