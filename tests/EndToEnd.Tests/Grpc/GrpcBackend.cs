using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>A server of Grpc.AspNetCore in this process, over plain HTTP/2 or TLS.</summary>
internal sealed class GrpcBackend : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, int> _failures = new(StringComparer.Ordinal);
    private WebApplication _app = null!;

    private GrpcBackend()
    {
    }

    public int Port { get; private set; }

    /// <summary>The metadata of the calls, in the order in which they came.</summary>
    public ConcurrentQueue<(string Method, Metadata Headers, DateTime Deadline)> Calls { get; } = new();

    /// <summary>A call that hangs has begun.</summary>
    public Signal Hanging { get; } = new();

    /// <summary>A call was cancelled under the service's hands.</summary>
    public Signal Cancelled { get; } = new();

    /// <summary>Starts one.</summary>
    /// <param name="isSecure">True for TLS, with a certificate of its own.</param>
    /// <param name="port">Where to listen; 0 for any.</param>
    public static async Task<GrpcBackend> StartAsync(bool isSecure = false, int port = 0)
    {
        var backend = new GrpcBackend();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            if (isSecure)
            {
                var certificate = TestCertificate.SelfSigned("localhost");
                using var pair = X509Certificate2.CreateFromPem(certificate.Pem, certificate.Key);
                listen.UseHttps(X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pfx), null));
            }
        }));
        builder.Services.AddSingleton(backend);
        builder.Services.AddGrpc(static grpc => grpc.MaxReceiveMessageSize = grpc.MaxSendMessageSize = null);
        backend._app = builder.Build();
        backend._app.MapGrpcService<EchoService>();
        await backend._app.StartAsync();
        backend.Port = new Uri(backend._app.Urls.Single()).Port;
        return backend;
    }

    /// <summary>A call has come.</summary>
    public void Note(ServerCallContext context) => Calls.Enqueue((context.Method, context.RequestHeaders, context.Deadline));

    /// <summary>The status that a call asks for: <c>NAME</c>, or <c>NAME:COUNT:KEY</c> for the first calls of that key.</summary>
    public StatusCode? NextStatus(string? asked)
    {
        if (asked is null)
        {
            return null;
        }

        var parts = asked.Split(':');
        return parts.Length == 1 || _failures.AddOrUpdate(parts[2], 1, static (_, count) => count + 1) <= int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)
            ? Enum.Parse<StatusCode>(parts[0])
            : null;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
