using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>A proxy process whose log has "id status flags" for each request.</summary>
internal static class FaultProxy
{
    private const string LogFile = "access.log";

    /// <summary>One cluster, one route.</summary>
    /// <param name="routeTimeout">Of the route, in protobuf's JSON form.</param>
    /// <param name="http">More fields of the connection manager, in flow style, each followed by a comma.</param>
    /// <param name="bootstrap">More of the bootstrap, in lines.</param>
    /// <param name="securePort">A second port for the same, by TLS; null for none.</param>
    /// <param name="limits">Shell commands before it is started, such as "ulimit -n 100".</param>
    public static Task<StaticProxy> StartAsync(int backendPort, string routeTimeout = "15s", string http = "", string bootstrap = "", int? securePort = null, string? limits = null)
    {
        return StaticProxy.StartAsync(
            (folder, port, admin) => Bootstraps.Static(
                admin,
                Listener(folder, "http", port) + (securePort is { } secure ? ", " + Bootstraps.Secure(Listener(folder, "https", secure), folder) : ""),
                Bootstraps.Cluster("backend", backendPort)) + "\n" + bootstrap,
            limits: limits);

        string Listener(TempFolder folder, string name, int port) =>
            Bootstraps.Listener(name, port, $$"""{ match: { prefix: "/" }, route: { cluster: backend, timeout: {{routeTimeout}} } }""", http + Log(folder));
    }

    /// <summary>What the log says of each id, once it has as many lines as there were requests.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> LogAsync(this StaticProxy proxy, int requests)
    {
        string[] lines = [];
        await Patience.UntilAsync(
            async () => File.Exists(proxy.Folder.File(LogFile)) && (lines = await File.ReadAllLinesAsync(proxy.Folder.File(LogFile))).Length >= requests,
            $"{requests} lines in the log, where {lines.Length} are");
        return lines.Select(static line => line.Split(' ', 2)).ToDictionary(static parts => parts[0], static parts => parts[1], StringComparer.Ordinal);
    }

    /// <summary>The value of a statistic on the admin page; 0 where it is not there.</summary>
    public static async Task<long> StatAsync(this StaticProxy proxy, string name)
    {
        var text = (await proxy.AdminAsync($"/stats?filter=^{name}$")).BodyText.Trim();
        return text.Length == 0 ? 0 : long.Parse(text.Split(": ")[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string Log(TempFolder folder) =>
        $$"""access_log: [ { name: envoy.access_loggers.file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "{{folder.File(LogFile)}}", log_format: { text_format_source: { inline_string: "%REQ({{SteadyTraffic.IdHeader}})% %RESPONSE_CODE% %RESPONSE_FLAGS%\n" } } } } ], """;
}
