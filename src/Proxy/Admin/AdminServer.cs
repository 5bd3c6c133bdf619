using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Proxy.Observability.Stats;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>
/// The administration page over HTTP/1.1, on Kestrel and the thread pool, never on a worker. It reads no environment variable and no settings
/// file. Bind it to a loopback address: whoever reaches it can read the configuration (less secrets) and end the process.
/// </summary>
public sealed class AdminServer : IAsyncDisposable
{
    /// <summary>Where the page is found unless the bootstrap says otherwise.</summary>
    public static readonly IPEndPoint DefaultAddress = new(IPAddress.Loopback, 9901);

    private const int MaxConnections = 64;

    private readonly WebApplication _application;
    private readonly LargePages _largePages;

    private AdminServer(WebApplication application, LargePages largePages, IPEndPoint address)
    {
        _application = application;
        _largePages = largePages;
        Address = address;
    }

    /// <summary>Where it listens; with the real port where 0 was asked for.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Binds and starts to answer.</summary>
    /// <param name="address">Port 0 takes a free one.</param>
    /// <param name="stats">What <c>/stats</c> shows.</param>
    /// <param name="source">What the other pages show.</param>
    /// <param name="actions">What POST does.</param>
    /// <param name="time">Null is the system's.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="IOException">The address cannot be bound; the message says why and what to do.</exception>
    public static async Task<AdminServer> StartAsync(
        IPEndPoint address,
        StatRegistry stats,
        IAdminSource source,
        IAdminActions actions,
        TimeProvider? time = null,
        CancellationToken cancellation = default)
    {
        var endpoints = new AdminEndpoints(
        [
            .. new StatPages(stats, time ?? TimeProvider.System).Endpoints,
            .. new ServerPages(source, actions).Endpoints,
            .. new ClusterPages(source).Endpoints,
            new ConfigDumpPage(source).Endpoint,
            new CertificatesPage(source, time ?? TimeProvider.System).Endpoint,
            .. new RuntimePages(source, actions).Endpoints,
            new ExplainPage(source).Endpoint,
        ]);
        var application = Build(address);
        var largePages = new LargePages(time ?? TimeProvider.System);
        application.Run(context => AnswerAsync(context, endpoints, AdminGuard.For(address), largePages));
        try
        {
            await application.StartAsync(cancellation);
        }
        catch (Exception exception) when (exception is IOException or SocketException or AddressInUseException)
        {
            await application.DisposeAsync();
            largePages.Dispose();
            throw new IOException(Explain(address, exception), exception);
        }

        var bound = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new AdminServer(application, largePages, new IPEndPoint(address.Address, new Uri(bound).Port));
    }

    /// <summary>Stops listening; requests that run get a moment to end.</summary>
    public async ValueTask DisposeAsync()
    {
        using var moment = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _application.StopAsync(moment.Token);
        await _application.DisposeAsync();
        _largePages.Dispose();
    }

    private static WebApplication Build(IPEndPoint address)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = 0;
            options.Limits.MaxConcurrentConnections = MaxConnections;
            options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            options.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
            options.Listen(address, listen => listen.Protocols = HttpProtocols.Http1);
        });

        // The host's own lifetime would answer SIGTERM by stopping this page, just when /ready has to say DRAINING.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        return builder.Build();
    }

    private static async Task AnswerAsync(HttpContext context, AdminEndpoints endpoints, AdminGuard guard, LargePages largePages)
    {
        var reply = guard.Refuse(context.Request)
            ?? endpoints.Answer(context.Request.Method, context.Request.Path.Value ?? "/", context.Request.Query);
        var response = context.Response;
        response.StatusCode = reply.Status;
        response.ContentType = reply.ContentType;
        response.Headers.CacheControl = "no-cache, max-age=0";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = AdminIndexPage.ContentSecurityPolicy;
        if (reply.Header is { } header)
        {
            response.Headers[header.Name] = header.Value;
        }

        if (reply.Pieces is not null)
        {
            await largePages.SendAsync(reply, context);
            return;
        }

        reply.Write(response.BodyWriter);
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static string Explain(IPEndPoint address, Exception exception)
    {
        var inner = exception.InnerException?.InnerException as SocketException ?? exception.InnerException as SocketException
            ?? exception as SocketException;
        var inUse = inner?.SocketErrorCode == SocketError.AddressAlreadyInUse || exception.InnerException is AddressInUseException;
        return inUse
            ? $"the admin address {address} is in use by another process; end that process, or set another admin.address in the bootstrap (port 0 takes a free one)"
            : $"the admin address {address} cannot be bound: {(inner ?? exception).Message}; set an address of this machine as admin.address in the bootstrap";
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
