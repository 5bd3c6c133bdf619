using System.CommandLine;
using System.Net;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Proxy;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Cli;

/// <summary><c>kpn explain</c>: why a request goes where it goes, asked of a running proxy or of a bootstrap.</summary>
internal static class ExplainCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var url = new Argument<string>("url") { Description = "the request, such as http://shop.example:10000/cart?id=1" };
        var headers = new Option<string[]>("--header", "-H") { Description = "a header line, 'name: value'; several may be given", DefaultValueFactory = static _ => [] };
        var method = new Option<string>("--request", "-X") { Description = "the method", DefaultValueFactory = static _ => "GET" };
        var listener = new Option<string>("--listener") { Description = "name of the listener, instead of the one on the URL's port", DefaultValueFactory = static _ => "" };
        var admin = new Option<string?>("--admin") { Description = "HOST:PORT of a running proxy's admin page (127.0.0.1:9901 unless -c is given)" };
        var config = new Option<string?>("--config-path", "-c") { Description = "an Envoy v3 bootstrap to ask instead of a running proxy; what it gets over the network is left out" };
        var manifests = new Option<string?>("--manifests") { Description = "a folder of Kubernetes manifests to ask instead of a running proxy" };
        var output = new Option<string>("--output", "-o") { Description = "text or json", DefaultValueFactory = static _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("explain", "Tell why a request goes where it goes.") { url, headers, method, listener, admin, config, manifests, output };
        command.SetAction(async (parsed, cancel) =>
        {
            var request = ExplainRequest.Parse(parsed.GetValue(url)!, parsed.GetValue(method), parsed.GetValue(headers)!, parsed.GetValue(listener), out var error);
            if (request is null)
            {
                return ExitStatus.Fail(error);
            }

            var question = new Question(parsed.GetValue(url)!, request, parsed.GetValue(output)!);
            return parsed.GetValue(config) is { } file ? await AskFileAsync(file, question, cancel)
                : parsed.GetValue(manifests) is { } folder ? await AskManifestsAsync(folder, question, cancel)
                : await AskAsync(parsed.GetValue(admin) ?? "127.0.0.1:9901", question, cancel);
        });
        return command;
    }

    private static async Task<int> AskAsync(string admin, Question question, CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(new Uri($"http://{admin}/explain?{question.Query}"), cancel);
            var text = await response.Content.ReadAsStringAsync(cancel);
            if (!response.IsSuccessStatusCode)
            {
                return ExitStatus.Fail(text.TrimEnd());
            }

            await Console.Out.WriteAsync(text.EndsWith('\n') ? text : text + "\n");
            return ExitStatus.Success;
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or UriFormatException)
        {
            return ExitStatus.Fail($"the admin page {admin} does not answer ({failure.Message}); start a proxy, or give --admin HOST:PORT or -c FILE");
        }
    }

    /// <summary>Runs what the file says without what reaches out, on loopback ports of its own, and asks that.</summary>
    private static async Task<int> AskFileAsync(string path, Question question, CancellationToken cancel)
    {
        var loaded = BootstrapLoader.Load(path);
        if (loaded.Value is not { } bootstrap)
        {
            return ExitStatus.Fail(string.Join(Environment.NewLine, loaded.Errors));
        }

        if (BootstrapCheck.Faults(bootstrap, loaded.Places) is { Count: > 0 } faults)
        {
            return ExitStatus.Fail(string.Join(Environment.NewLine, faults));
        }

        var named = question.Request.Listener.Length > 0
            ? question
            : question with { Request = question.Request with { Listener = ListenerOn(bootstrap, question.Request.Port) } };
        try
        {
            await using var server = await ProxyServer.StartAsync(
                new ProxyOptions { Bootstrap = Secluded(bootstrap), ConfigPath = path, Concurrency = 1 }, NullLoggerFactory.Instance);
            return await AskAsync(server.AdminAddress!.ToString(), named, cancel);
        }
        catch (Exception error) when (error is ProxyConfigurationException or IOException)
        {
            return ExitStatus.Fail(error.Message);
        }
    }

    /// <summary>Runs both planes on loopback ports of their own, and asks that.</summary>
    private static async Task<int> AskManifestsAsync(string folder, Question question, CancellationToken cancel)
    {
        if (!Directory.Exists(folder))
        {
            return ExitStatus.Fail($"{folder}: there is no such folder");
        }

        var isHttps = question.Url.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
        var named = question.Request.Listener.Length > 0
            ? question
            : question with { Request = question.Request with { Listener = isHttps ? Translator.HttpsListenerName : Translator.HttpListenerName } };

        try
        {
            await using var planes = await BothPlanes.StartAsync(
                folder, [], new TranslationOptions { HttpAddress = "127.0.0.1", HttpPort = 0, HttpsPort = 0 }, new IPEndPoint(IPAddress.Loopback, 0), TimeSpan.Zero, concurrency: 1, NullLoggerFactory.Instance);
            return await AskAsync(planes.Proxy.AdminAddress!.ToString(), named, cancel);
        }
        catch (Exception error) when (error is ProxyConfigurationException or IOException)
        {
            return ExitStatus.Fail(error.Message);
        }
    }

    private static string ListenerOn(Bootstrap bootstrap, int port) =>
        bootstrap.StaticResources?.Listeners.FirstOrDefault(listener => listener.Address?.SocketAddress?.PortValue == (uint)port)?.Name ?? "";

    private static Bootstrap Secluded(Bootstrap bootstrap)
    {
        var secluded = bootstrap.Clone();
        secluded.DynamicResources = null;
        secluded.Admin = new Admin { Address = Loopback() };
        foreach (var listener in secluded.StaticResources?.Listeners ?? [])
        {
            listener.Address = Loopback();
        }

        foreach (var cluster in secluded.StaticResources?.Clusters ?? [])
        {
            // Nobody is asked how he is: endpoints are what the file says of them.
            cluster.HealthChecks.Clear();
        }

        return secluded;
    }

    private static Address Loopback() => new() { SocketAddress = new Envoy.Config.Core.V3.SocketAddress { Address = "127.0.0.1", PortValue = 0 } };

    /// <summary>What is asked.</summary>
    /// <param name="Url">As it was written.</param>
    private sealed record Question(string Url, ExplainRequest Request, string Format)
    {
        public string Query => string.Join('&', Parameters().Select(static parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value)}"));

        private IEnumerable<(string Name, string Value)> Parameters()
        {
            yield return ("url", Url);
            yield return ("method", Request.Method);
            yield return ("format", Format);
            yield return ("listener", Request.Listener);
            foreach (var header in Request.Headers)
            {
                yield return ("header", header);
            }
        }
    }
}
