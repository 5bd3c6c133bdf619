using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AwesomeAssertions;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.EndToEnd.Tests.Resilience;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>The same from files, replaced as a kubelet replaces those of a mounted secret: a folder for each version, and a link to it that is moved.</summary>
public sealed class SecretFilesTests
{
    private static readonly Identity First = new("First");

    [Fact]
    public async Task Nothing_fails_while_every_certificate_and_authority_is_replaced_under_load()
    {
        var version = 0;
        await using var proxy = MutualProxy.Start(First, static (folder, name) => Source(folder, name), prepare: folder => Mount(folder, version++, All(First)));
        await proxy.ReadyAsync();
        await using var traffic = MutualTraffic.Start(proxy.Port, First);
        await traffic.WaitForMoreAsync(20);
        await RotationPlan.RunAsync(proxy, traffic, First, async secrets =>
        {
            Mount(proxy.Folder, version++, secrets);
            foreach (var secret in secrets)
            {
                await WaitForVersionAsync(proxy, version - 1, secret.Name);
            }
        });
        await traffic.StopAndBalanceAsync(proxy.Backend);
        LongRun.Report($"{traffic.Count} requests, {proxy.Front.Handshakes.Count} handshakes with the endpoint");
    }

    [Fact]
    public async Task A_bad_file_changes_nothing_and_the_log_says_why()
    {
        await using var proxy = MutualProxy.Start(First, static (folder, name) => Source(folder, name), prepare: static folder => Mount(folder, 0, All(First)));
        await proxy.ReadyAsync();
        var second = new Identity("Second");
        Mount(proxy.Folder, 1, [Secrets.Certificate("web", second.Web, First.Web.Key), .. All(First)[1..]]);
        await proxy.Process.WaitForLineAsync("is not the key of the certificate");
        await using var client = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
        (await client.GetAsync()).Status.Should().Be(200);
        client.ServerSerial.Should().Be(Convert.ToHexString(First.Web.Serial));

        Mount(proxy.Folder, 2, [Secrets.Certificate("web", second.Web), Secrets.Authorities("clients", First.Authority, second.Authority), .. All(First)[2..]]);
        await proxy.WaitForCertificateAsync(second, second.Authority, second);
        (await client.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Whatever_is_wrong_with_a_file_the_last_good_certificate_stays_listed_and_the_refusal_is_shown()
    {
        await using var proxy = MutualProxy.Start(First, static (folder, name) => Source(folder, name), prepare: static folder => Mount(folder, 0, All(First)));
        await proxy.ReadyAsync();
        var days = await proxy.StatAsync("server.days_until_first_cert_expiring");
        days.Should().BeGreaterThan(300);
        using var root = TestAuthority.Root("Bad");
        var expired = root.Issue(new LeafRequest { NotAfter = DateTimeOffset.UtcNow.AddMinutes(-1) }, "web.test");
        var bad = new (Action<int> Mount, string Why, string Line)[]
        {
            (version => Mount(proxy.Folder, version, [Secrets.Certificate("web", expired), .. All(First)[1..]]), "expired at", "is refused, its last good version stays"),
            (version => Mount(proxy.Folder, version, [Secrets.Certificate("web", First.Web, expired.Key), .. All(First)[1..]]), "is not the key of the certificate", "is refused, its last good version stays"),
            (version => Mount(proxy.Folder, version, All(First), "{ no resources"), "web.json", "cannot be used, what was read before stays in force"),
        };
        for (var i = 0; i < bad.Length; i++)
        {
            var (mount, why, line) = bad[i];
            mount(i + 1);
            var context = default(JsonElement);
            await Patience.UntilAsync(
                async () =>
                {
                    var page = JsonElement.Parse(await proxy.AdminAsync("/certs"));
                    context = page.GetProperty("certificates").EnumerateArray().FirstOrDefault(
                        element => element.TryGetProperty("refused", out var refused) && refused[0].GetProperty("details").GetString()!.Contains(why, StringComparison.Ordinal));
                    return context.ValueKind == JsonValueKind.Object;
                },
                $"the refusal: {why}");
            context.GetProperty("refused")[0].GetProperty("secret").GetString().Should().Be("web");
            context.GetProperty("cert_chain")[0].GetProperty("serial_number").GetString()!.TrimStart('0').Should().Be(Convert.ToHexStringLower(First.Web.Serial).TrimStart('0'));
            (await proxy.StatAsync("server.days_until_first_cert_expiring")).Should().Be(days, "what is refused is not counted");
            (await proxy.StatAsync("sds.web.update_rejected")).Should().BeGreaterThan(i);
            await proxy.Process.WaitForLineAsync(line);
            await using var client = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
            client.ServerSerial.Should().Be(Convert.ToHexString(First.Web.Serial));
        }

        Mount(proxy.Folder, bad.Length + 1, All(First));
        await Patience.UntilAsync(async () => !(await proxy.AdminAsync("/certs")).Contains("refused", StringComparison.Ordinal), "the good file to be taken");
        (proxy.Process.Output + proxy.Process.Error).Should().NotContain("PRIVATE KEY");
    }

    private static string Source(TempFolder folder, string name) =>
        $"{{ path_config_source: {{ path: {folder.File($"secrets/..data/{name}.json")}, watched_directory: {{ path: {folder.File("secrets")} }} }}, resource_api_version: V3 }}";

    private static Secret[] All(Identity identity) =>
    [
        Secrets.Certificate("web", identity.Web), Secrets.Authorities("clients", identity.Authority),
        Secrets.Certificate("proxy", identity.Proxy), Secrets.Authorities("servers", identity.Authority),
    ];

    /// <summary>Puts a version in place of the one before.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="version">The version.</param>
    /// <param name="secrets">What the files hold.</param>
    /// <param name="web">The text of the first file, in place of its secret; null for that.</param>
    private static void Mount(TempFolder folder, int version, Secret[] secrets, string? web = null)
    {
        var name = version.ToString(CultureInfo.InvariantCulture);
        foreach (var secret in secrets)
        {
            folder.Write($"secrets/{name}/{secret.Name}.json", ReferenceEquals(secret, secrets[0]) && web is not null ? web : Text(name, secret));
        }

        File.CreateSymbolicLink(folder.File("secrets/..data_tmp"), name);

        // A rename of the link itself: File.Move looks at what it points to.
        using var move = Process.Start("mv", ["-T", folder.File("secrets/..data_tmp"), folder.File("secrets/..data")]);
        move.WaitForExit();
        move.ExitCode.Should().Be(0);
    }

    private static string Text(string version, Secret secret)
    {
        var content = secret.TlsCertificate is { } certificate
            ? $"\"tls_certificate\": {{ \"certificate_chain\": {Inline(certificate.CertificateChain.InlineString)}, \"private_key\": {Inline(certificate.PrivateKey.InlineString)} }}"
            : $"\"validation_context\": {{ \"trusted_ca\": {Inline(secret.ValidationContext.TrustedCa.InlineString)} }}";
        return $"{{ \"version_info\": \"{version}\", \"resources\": [ {{ \"@type\": \"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret\", \"name\": \"{secret.Name}\", {content} }} ] }}";
    }

    private static string Inline(string text) => $"{{ \"inline_string\": {JsonSerializer.Serialize(text)} }}";

    private static Task WaitForVersionAsync(MutualProxy proxy, int version, string secret) => Patience.UntilAsync(
        async () =>
        {
            using var dump = JsonDocument.Parse(await proxy.AdminAsync("/config_dump?resource=dynamic_active_secrets"));
            return dump.RootElement.GetProperty("configs").EnumerateArray().Any(found =>
                found.GetProperty("name").GetString() == secret && found.GetProperty("version_info").GetString() == version.ToString(CultureInfo.InvariantCulture));
        },
        $"version {version} of {secret}");
}
