using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Load.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms;

namespace KubeProxyNet.Load.Contenders;

/// <summary>YARP in a process of its own: this program started again with a subcommand.</summary>
internal sealed class YarpContender : Contender
{
    public const string Subcommand = "host-yarp";

    public override string Name => "yarp";

    public override TimeSpan WarmUp => TimeSpan.FromSeconds(15);

    public override Task<string> VersionAsync(CancellationToken cancel) => Task.FromResult(
        $"YARP {typeof(IProxyConfig).Assembly.GetName().Version?.ToString(3)} on .NET {Environment.Version}");

    public override Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel) => Task.FromResult(RunningProcess.Start(
        site.Core,
        "dotnet",
        [
            typeof(YarpContender).Assembly.Location, Subcommand, Text(site.Port), Text(site.BackendPort),
            .. site.Certificate is { } certificate ? (string[])[certificate.ChainFile, certificate.KeyFile] : [],
        ],
        new Dictionary<string, string>(StringComparer.Ordinal) { ["DOTNET_PROCESSOR_COUNT"] = "1", ["DOTNET_gcServer"] = "0" }));

    /// <summary>The subcommand: serves until it is told to stop.</summary>
    /// <param name="tls">The files of the certificate's chain and key; empty for plain text.</param>
    public static async Task HostAsync(int port, int backendPort, string[] tls)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, port, listen => Secure(listen, tls));
            kestrel.AddServerHeader = false;
        });
        builder.Services.AddReverseProxy()
            .LoadFromMemory(
                [new RouteConfig { RouteId = "all", ClusterId = "backend", Match = new RouteMatch { Path = "{**rest}" } }],
                [
                    new ClusterConfig
                    {
                        ClusterId = "backend",
                        HttpRequest = new ForwarderRequestConfig { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact },
                        Destinations = new Dictionary<string, DestinationConfig>(StringComparer.Ordinal)
                        {
                            ["one"] = new() { Address = $"http://127.0.0.1:{Text(backendPort)}/" },
                        },
                    },
                ])
            .ConfigureHttpClient((_, handler) => handler.ActivityHeadersPropagator = null)
            .AddTransforms(transforms =>
            {
                transforms.UseDefaultForwarders = false;
                transforms.CopyRequestHeaders = true;
                transforms.AddOriginalHost();
                transforms.AddXForwardedFor();
                transforms.AddXForwardedProto();
                transforms.AddRequestTransform(context =>
                {
                    context.ProxyRequest.Headers.TryAddWithoutValidation("x-request-id", Guid.NewGuid().ToString());
                    return ValueTask.CompletedTask;
                });
            });
        await using var app = builder.Build();
        app.MapReverseProxy();
        await app.RunAsync();
    }

    private static void Secure(ListenOptions listen, string[] tls)
    {
        if (tls is [var chain, var key])
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.UseHttps(https =>
            {
                https.ServerCertificate = X509Certificate2.CreateFromPemFile(chain, key);
                https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
                https.OnAuthenticate = (_, options) =>
                {
                    if (OperatingSystem.IsLinux())
                    {
                        options.CipherSuitesPolicy = new CipherSuitesPolicy([TlsCipherSuite.TLS_AES_128_GCM_SHA256]);
                    }
                };
            });
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
