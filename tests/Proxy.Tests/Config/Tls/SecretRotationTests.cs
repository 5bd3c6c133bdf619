using System.Diagnostics;
using AwesomeAssertions;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config.Tls;

public sealed class SecretRotationTests
{
    private const string AskedOfAds = "validation_context_sds_secret_config: {name: ca, sds_config: {ads: {}}}";

    private static readonly SampleCertificate First = SampleCertificate.Elliptic("first.example");
    private static readonly SampleCertificate Second = SampleCertificate.Elliptic("second.example");

    [Fact]
    public async Task A_cluster_waits_for_its_secret()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", AskedOfAds)).Rejections.Should().BeEmpty();
        proxy.PortsOf("a").Should().BeNull();
        proxy.State.SecretSubscriptions.Should().Equal("ca");

        Deliver(proxy, First.Authority("ca")).Rejections.Should().BeEmpty();
        proxy.PortsOf("a").Should().Equal(1);
        AuthorityOf(proxy, "a").Should().Be(First.Chain);
        proxy.State.Warm.IsCompleted.Should().BeTrue();
        proxy.Stat("sds.ca.update_success").Should().Be(1);
        proxy.Stat("sds.ca.update_time").Should().Be(proxy.Clock.GetUtcNow().ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task A_new_secret_is_for_new_connections_and_the_pools_live_on()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", AskedOfAds), Secure("b", "validation_context_sds_secret_config: {name: other, sds_config: {ads: {}}}"));
        Deliver(proxy, First.Authority("ca"), First.Authority("other"));
        var (before, endpoint, other) = (proxy.Snapshot.Clusters["a"], TlsOf(proxy, "a"), proxy.Snapshot.Clusters["b"]);

        Deliver(proxy, Second.Authority("ca"));
        proxy.Snapshot.Clusters["a"].State.Should().BeSameAs(before.State);
        proxy.Snapshot.Clusters["a"].Endpoints[0].State.Should().BeSameAs(before.Endpoints[0].State);
        AuthorityOf(proxy, "a").Should().Be(Second.Chain);
        TlsOf(proxy, "a").Should().NotBeSameAs(endpoint);
        proxy.Snapshot.Clusters["b"].Should().BeSameAs(other, "it does not use the secret");
        proxy.Stat("cluster.a.client_ssl_socket_factory.ssl_context_update_by_sds").Should().Be(2);
    }

    [Fact]
    public async Task A_bad_secret_is_refused_by_name_and_the_last_good_one_stays()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", AskedOfAds));
        Deliver(proxy, First.Authority("ca"));
        var bad = new Secret { Name = "ca", ValidationContext = new() { TrustedCa = new() { InlineString = "nothing" } } };
        var rejection = Deliver(proxy, bad).Rejections.Single();
        rejection.Name.Should().Be("ca");
        rejection.Reason.Should().StartWith("validation_context.trusted_ca: holds no certificate in PEM");
        AuthorityOf(proxy, "a").Should().Be(First.Chain);
        proxy.Stat("sds.ca.update_rejected").Should().Be(1);

        Deliver(proxy, First.Secret("ca")).Rejections.Single().Reason.Should().StartWith("tls_certificate: the secret is used as a validation_context");
        AuthorityOf(proxy, "a").Should().Be(First.Chain);
    }

    [Fact]
    public async Task A_secret_that_does_not_fit_what_it_is_used_with_is_refused()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", "combined_validation_context: {default_validation_context: {match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: x}}]}, validation_context_sds_secret_config: {name: ca, sds_config: {ads: {}}}}"));
        var without = new Secret { Name = "ca", ValidationContext = new() { VerifyCertificateHash = { new string('a', 64) } } };
        Deliver(proxy, without).Rejections.Single().Reason.Should().Contain("without trusted CA is insecure");
        proxy.PortsOf("a").Should().BeNull();

        Deliver(proxy, First.Authority("ca"));
        var validation = TlsOf(proxy, "a")!.Context!.Config.Validation!;
        validation.Sans.Should().ContainSingle();
        validation.TrustedCa.Trim().Should().Be(First.Chain);
    }

    [Fact]
    public async Task A_secret_that_does_not_come_is_waited_for_only_so_long()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", AskedOfAds), Secure("short", "validation_context_sds_secret_config: {name: late, sds_config: {ads: {}, initial_fetch_timeout: 2s}}"));
        proxy.Clock.Advance(TimeSpan.FromSeconds(2));
        proxy.PortsOf("short").Should().Equal(1);
        TlsOf(proxy, "short")!.Context.Should().BeNull("its connections fail until the secret comes");
        proxy.PortsOf("a").Should().BeNull();

        proxy.Clock.Advance(TimeSpan.FromSeconds(13));
        proxy.Log.Lines.Should().Contain("Warning: no secret \"ca\" came for cluster \"a\" within 15 s; it goes into force without, and its connections fail until the secret comes");
        proxy.Stat("sds.ca.init_fetch_timeout").Should().Be(1);

        Deliver(proxy, First.Authority("ca"));
        AuthorityOf(proxy, "a").Should().Be(First.Chain);
    }

    [Fact]
    public async Task A_secret_that_nobody_uses_any_more_is_no_longer_asked_for()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", AskedOfAds), Secure("b", AskedOfAds));
        proxy.Removed("a");
        proxy.State.SecretSubscriptions.Should().Equal("ca");
        proxy.Removed("b");
        proxy.State.SecretSubscriptions.Should().BeEmpty();
        proxy.State.Secrets().Should().BeEmpty();
    }

    [Fact]
    public async Task Secrets_of_the_bootstrap_are_found_by_name()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", "validation_context_sds_secret_config: {name: ca}")).Rejections.Single().Reason.Should().Contain("there is no static secret \"ca\" that is a validation_context");
        proxy.State.SetSecrets([First.Authority("ca")], "", ResourceOrigin.Bootstrap, SecretSource.Bootstrap).Rejections.Should().BeEmpty();
        proxy.Clusters(Secure("a", "validation_context_sds_secret_config: {name: ca}")).Rejections.Should().BeEmpty();
        AuthorityOf(proxy, "a").Should().Be(First.Chain);
    }

    [Fact]
    public async Task A_file_of_secrets_is_read_again_when_a_link_is_moved_as_kubelets_do()
    {
        using var folder = new TempFolder();
        await using var proxy = new ConfiguredProxy();
        Mount(folder, "1", First);
        var file = folder.File("sds.yaml");
        proxy.Clusters(Secure("a", $"validation_context_sds_secret_config: {{name: ca, sds_config: {{path_config_source: {{path: {file}}}}}}}")).Rejections.Should().BeEmpty();
        AuthorityOf(proxy, "a").Should().Be(First.Chain);

        Mount(folder, "2", Second);
        await UntilAsync(proxy, () => AuthorityOf(proxy, "a") == Second.Chain, "the new authority");

        folder.Write("3/sds.yaml", SecretFile("nothing"));
        Link(folder, "3");
        await UntilAsync(proxy, () => proxy.Log.Lines.Any(static line => line.Contains("its last good version stays")), "the refusal");
        AuthorityOf(proxy, "a").Should().Be(Second.Chain);
    }

    [Fact]
    public async Task A_certificate_by_file_is_read_again_when_its_watched_directory_changes()
    {
        using var folder = new TempFolder();
        await using var proxy = new ConfiguredProxy();
        MountPair(folder, "1", First, First);
        proxy.Clusters(Secure("a", $"tls_certificates: [{{certificate_chain: {{filename: {folder.File("..data/tls.crt")}}}, private_key: {{filename: {folder.File("..data/tls.key")}}}, watched_directory: {{path: {folder.Path}}}}}]")).Rejections.Should().BeEmpty();
        var state = proxy.Snapshot.Clusters["a"].State;
        ChainOf(proxy).Should().Be(First.Chain);

        MountPair(folder, "2", Second, Second);
        await UntilAsync(proxy, () => ChainOf(proxy) == Second.Chain, "the new certificate");
        proxy.Snapshot.Clusters["a"].State.Should().BeSameAs(state);

        MountPair(folder, "3", First, Second);
        await UntilAsync(proxy, () => proxy.Log.Lines.Any(static line => line.Contains("is not the key of the certificate")), "the refusal");
        ChainOf(proxy).Should().Be(Second.Chain);
        proxy.Log.Lines.Should().NotContain(static line => line.Contains("PRIVATE KEY"));
    }

    [Fact]
    public async Task A_certificate_that_is_renewed_before_its_folder_is_watched_is_read_again()
    {
        using var folder = new TempFolder();
        await using var proxy = new ConfiguredProxy();
        MountPair(folder, "1", First, First);

        // Told after the files were read and before anything is watched.
        proxy.State.DnsClusterAdded = _ => MountPair(folder, "2", Second, Second);
        proxy.Clusters(
            Secure("a", $"tls_certificates: [{{certificate_chain: {{filename: {folder.File("..data/tls.crt")}}}, private_key: {{filename: {folder.File("..data/tls.key")}}}, watched_directory: {{path: {folder.Path}}}}}]"),
            FromYaml.Message<ClusterMessage>("{name: dns, type: STRICT_DNS, load_assignment: {cluster_name: dns}}")).Rejections.Should().BeEmpty();
        ChainOf(proxy).Should().Be(Second.Chain);
    }

    [Fact]
    public async Task A_file_that_is_read_already_is_read_again_for_another_secret_in_it()
    {
        using var folder = new TempFolder();
        await using var proxy = new ConfiguredProxy();
        var file = folder.Write("sds.yaml", SecretFile(First.Chain) + "\n" + ResourceIn("other", Second.Chain));
        proxy.Clusters(Secure("a", AskedOf(file, "ca")));
        proxy.Clusters(Secure("b", AskedOf(file, "other")));
        (AuthorityOf(proxy, "a"), AuthorityOf(proxy, "b")).Should().Be((First.Chain, Second.Chain));
    }

    [Fact]
    public async Task What_was_read_first_of_a_file_is_not_applied_last()
    {
        using var folder = new TempFolder();
        await using var proxy = new ConfiguredProxy();
        var cancellation = TestContext.Current.CancellationToken;

        // The first reader stands still in the old file, a pipe, until somebody writes to it.
        using (var make = Process.Start("mkfifo", [folder.File("pipe")]))
        {
            await make.WaitForExitAsync(cancellation);
        }

        var file = folder.File("sds.yaml");
        File.CreateSymbolicLink(file, "pipe");
        var reading = Task.Run(() => proxy.Clusters(Secure("a", AskedOf(file, "ca"))), cancellation);
        await using (var pipe = await Task.Run(() => new FileStream(folder.File("pipe"), FileMode.Open, FileAccess.Write), cancellation))
        {
            // One timer ends the wait for the secret; the folder's comes once the watcher heard of the new file.
            var before = proxy.Clock.Timers;
            folder.Write("next", SecretFile(Second.Chain));
            File.Move(folder.File("next"), file, overwrite: true);
            await Patience.UntilAsync(() => proxy.Clock.Timers > before, "the watcher heard of the new file", cancellation);
            proxy.Clock.Advance(TimeSpan.FromMilliseconds(50));
            await pipe.WriteAsync(System.Text.Encoding.UTF8.GetBytes(SecretFile(First.Chain)), cancellation);
        }

        await reading;
        AuthorityOf(proxy, "a").Should().Be(Second.Chain);
    }

    [Fact]
    public async Task A_listener_waits_for_its_certificate_and_goes_by_each_new_one()
    {
        await using var proxy = new ConfiguredProxy();
        var listener = Inline("l", "c");
        var context = FromYaml.Message<DownstreamTlsContext>("{common_tls_context: {tls_certificate_sds_secret_configs: [{name: web, sds_config: {ads: {}}}]}}");
        listener.FilterChains[0].TransportSocket = new() { Name = "tls", TypedConfig = Any.Pack(context) };
        proxy.Listeners(listener).Rejections.Should().BeEmpty();
        proxy.Engine.AddressOf("l").Should().BeNull();
        proxy.State.SecretSubscriptions.Should().Equal("web");

        Deliver(proxy, First.Secret("web")).Rejections.Should().BeEmpty();
        proxy.Engine.AddressOf("l").Should().NotBeNull();
        var address = proxy.Engine.AddressOf("l");
        proxy.State.Certificates().Single().CertChain.Single().Names[0].Value.Should().Be("first.example");

        Deliver(proxy, Second.Secret("web")).Rejections.Should().BeEmpty();
        proxy.Engine.AddressOf("l").Should().Be(address, "its socket stays open");
        proxy.State.Certificates().Single().CertChain.Single().Names[0].Value.Should().Be("second.example");

        Deliver(proxy, SampleCertificate.Elliptic(until: DateTimeOffset.UnixEpoch.AddSeconds(1), from: DateTimeOffset.UnixEpoch.AddSeconds(-1)).Secret("other")).Rejections.Should().BeEmpty("nobody asked for it");
        proxy.Clock.Advance(TimeSpan.FromDays(1));
        var expired = SampleCertificate.Elliptic(until: DateTimeOffset.UnixEpoch.AddSeconds(1));
        Deliver(proxy, expired.Secret("web")).Rejections.Single().Reason.Should().Contain("expired at 1970-01-01T00:00:01Z");
        proxy.State.Certificates().Single().CertChain.Single().Names[0].Value.Should().Be("second.example");
    }

    [Fact]
    public async Task A_listener_whose_certificate_does_not_come_opens_all_the_same()
    {
        await using var proxy = new ConfiguredProxy();
        var listener = Inline("l", "c");
        var context = FromYaml.Message<DownstreamTlsContext>("{common_tls_context: {tls_certificate_sds_secret_configs: [{name: web, sds_config: {ads: {}, initial_fetch_timeout: 1s}}]}}");
        listener.FilterChains[0].TransportSocket = new() { Name = "tls", TypedConfig = Any.Pack(context) };
        proxy.Listeners(listener);
        proxy.Clock.Advance(TimeSpan.FromSeconds(1));
        proxy.Engine.AddressOf("l").Should().NotBeNull();
        proxy.State.Warm.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public async Task The_transport_socket_of_an_endpoint_goes_by_its_metadata()
    {
        await using var proxy = new ConfiguredProxy();
        var cluster = FromYaml.Message<ClusterMessage>("""
            name: a
            type: STATIC
            transport_socket_matches:
            - {name: tls, match: {tls: true, mode: mesh}, transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: mesh}}}
            - {name: plain, match: {tls: false}, transport_socket: {name: raw, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}
            transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: default}}
            load_assignment:
              cluster_name: a
              endpoints:
              - lb_endpoints:
                - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}, metadata: {filter_metadata: {envoy.transport_socket_match: {tls: true, mode: mesh, more: 1}}}}
                - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 2}}}, metadata: {filter_metadata: {envoy.transport_socket_match: {tls: false}}}}
                - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 3}}}, metadata: {filter_metadata: {envoy.transport_socket_match: {tls: true}}}}
                - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 4}}}}
              - locality: {region: r}
                metadata: {filter_metadata: {envoy.transport_socket_match: {tls: false}}}
                lb_endpoints:
                - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 5}}}}
            """);
        proxy.Clusters(cluster).Rejections.Should().BeEmpty();
        var endpoints = proxy.Snapshot.Clusters["a"].Endpoints.ToDictionary(static endpoint => endpoint.Config.Address.Port, static endpoint => endpoint.State.Tls);
        endpoints[1]!.Context!.Config.Sni.Should().Be("mesh");
        endpoints[2].Should().BeNull();
        endpoints[3]!.Context!.Config.Sni.Should().Be("default");
        endpoints[4].Should().BeSameAs(endpoints[3], "there is one context for each setting");
        endpoints[5].Should().BeNull();
    }

    [Fact]
    public async Task The_certificates_in_force_are_told_with_their_names_and_times()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure("a", AskedOfAds));
        proxy.State.Certificates().Single().CaCert.Should().BeEmpty();
        Deliver(proxy, First.Authority("ca"));
        var context = proxy.State.Certificates().Single();
        context.Owner.Should().Be("cluster \"a\"");
        var facts = context.CaCert.Single();
        facts.Path.Should().Be("<inline>");
        facts.Names.Should().Equal(KeyValuePair.Create("dns", "first.example"), KeyValuePair.Create("uri", "spiffe://example.org/first.example"));
        facts.DaysUntilExpiration(facts.ExpirationTime.AddDays(-3.5)).Should().Be(3);
        facts.DaysUntilExpiration(facts.ExpirationTime.AddDays(1)).Should().Be(0);
        First.Certificate.SerialNumber.ToLowerInvariant().Should().BeOneOf(facts.SerialNumber, "00" + facts.SerialNumber);
    }

    private static ClusterMessage Secure(string name, string common)
    {
        var cluster = Static(name, 1);
        cluster.TransportSocket = new() { Name = "tls", TypedConfig = Any.Pack(FromYaml.Message<UpstreamTlsContext>($"{{sni: {name}.example, common_tls_context: {{{common}}}}}")) };
        return cluster;
    }

    private static ApplyOutcome Deliver(ConfiguredProxy proxy, params Secret[] secrets) => proxy.State.SetSecrets(secrets, "1", ResourceOrigin.Wire, SecretSource.Ads);

    private static UpstreamTls? TlsOf(ConfiguredProxy proxy, string cluster) => proxy.Snapshot.Clusters[cluster].Endpoints[0].State.Tls;

    private static string? AuthorityOf(ConfiguredProxy proxy, string cluster) => TlsOf(proxy, cluster)?.Context?.Config.Validation?.TrustedCa.Trim();

    private static string? ChainOf(ConfiguredProxy proxy) => TlsOf(proxy, "a")?.Context?.Config.Certificate?.Chain.Trim();

    private static string AskedOf(string file, string name) => $"validation_context_sds_secret_config: {{name: {name}, sds_config: {{path_config_source: {{path: {file}}}}}}}";

    private static string SecretFile(string pem) => $"""
        version_info: "1"
        resources:
        {ResourceIn("ca", pem)}
        """;

    private static string ResourceIn(string name, string pem) => $$$"""
        - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
          name: {{{name}}}
          validation_context: {trusted_ca: {inline_string: "{{{pem.Replace("\n", "\\n", StringComparison.Ordinal)}}}"} }
        """;

    /// <summary>A mounted secret: a folder for each version, ..data that points to it, and files that point into ..data.</summary>
    private static void Mount(TempFolder folder, string version, SampleCertificate certificate)
    {
        folder.Write($"{version}/sds.yaml", SecretFile(certificate.Chain));
        Link(folder, version);
        if (!File.Exists(folder.File("sds.yaml")))
        {
            File.CreateSymbolicLink(folder.File("sds.yaml"), "..data/sds.yaml");
        }
    }

    private static void MountPair(TempFolder folder, string version, SampleCertificate chain, SampleCertificate key)
    {
        folder.Write($"{version}/tls.crt", chain.Chain);
        folder.Write($"{version}/tls.key", key.KeyPem);
        Link(folder, version);
    }

    private static void Link(TempFolder folder, string version)
    {
        File.CreateSymbolicLink(folder.File("..data_tmp"), version);

        // A rename of the link itself: File.Move looks at what it points to.
        using var move = Process.Start("mv", ["-T", folder.File("..data_tmp"), folder.File("..data")]);
        move.WaitForExit();
        move.ExitCode.Should().Be(0);
    }

    private static Task UntilAsync(ConfiguredProxy proxy, Func<bool> condition, string what) => Patience.UntilAsync(
        () =>
        {
            proxy.Clock.Advance(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(condition());
        },
        what,
        TestContext.Current.CancellationToken);
}
