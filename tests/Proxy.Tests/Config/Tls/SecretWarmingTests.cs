using AwesomeAssertions;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.Stats;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config.Tls;

/// <summary>Secrets beside whatever else is waited for, and beside what cannot be opened.</summary>
public sealed class SecretWarmingTests
{
    private static readonly SampleCertificate Certificate = SampleCertificate.Elliptic();

    [Fact]
    public async Task Endpoints_that_came_are_kept_while_a_secret_is_waited_for_longer()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Secure(Discovered("a"), "ads: {}, initial_fetch_timeout: 20s")).Rejections.Should().BeEmpty();
        proxy.Assignments(Assignment("a", 1, 2)).Rejections.Should().BeEmpty();
        proxy.Clock.Advance(TimeSpan.FromSeconds(15));
        proxy.Log.Lines.Should().BeEmpty("the endpoints came");

        Deliver(proxy, Certificate.Authority("ca"));
        proxy.PortsOf("a").Should().Equal(1, 2);
    }

    [Fact]
    public async Task Routes_that_came_are_not_missed_while_a_secret_is_waited_for_longer()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Secure(Discovering("l", "r"), "ads: {}, initial_fetch_timeout: 20s")).Rejections.Should().BeEmpty();
        proxy.RouteTables(Routes("r", "c")).Rejections.Should().BeEmpty();
        proxy.Clock.Advance(TimeSpan.FromSeconds(15));
        proxy.Log.Lines.Should().BeEmpty("the routes came");
        proxy.Engine.AddressOf("l").Should().BeNull();

        Deliver(proxy, Certificate.Secret("web"));
        proxy.Engine.AddressOf("l").Should().NotBeNull();
    }

    [Fact]
    public void A_listener_that_cannot_take_a_new_secret_stays_as_it_was()
    {
        var stats = new StatRegistry();
        var secrets = new SecretResources(new SecretStats(stats, TimeProvider.System), TimeProvider.System);
        var listeners = new ListenerResources(new ConfigurationStats(stats), secrets, TimeProvider.System) { WaitBegan = static _ => { }, SecretWaitBegan = static _ => { } };
        listeners.Set([Secure(Inline("l", "c"), "ads: {}")], "1", ResourceOrigin.Wire, new ApplyOutcome());
        secrets.SetUsers([.. listeners.SecretUsers]);
        Use(Certificate);
        listeners.Settle([]);
        var before = listeners.Active.Single();
        var config = before.Config;

        Use(SampleCertificate.Elliptic());
        before.Config.Should().NotBeSameAs(config);
        listeners.Settle([new ListenerFailure("l", "the machine has no memory left")]);
        listeners.Active.Should().ContainSingle().Which.Should().BeSameAs(before);
        before.Config.Should().BeSameAs(config);

        void Use(SampleCertificate certificate)
        {
            foreach (var user in secrets.Set([certificate.Secret("web")], "1", SecretSource.Ads, ResourceOrigin.Wire, new ApplyOutcome()))
            {
                listeners.UseSecrets((ListenerEntry)user);
            }

            listeners.TakeChanges().Should().ContainSingle();
        }
    }

    [Fact]
    public void A_cluster_that_cannot_be_built_gives_way_to_what_it_replaced()
    {
        var stats = new StatRegistry();
        var secrets = new SecretResources(new SecretStats(stats, TimeProvider.System), TimeProvider.System);
        var clusters = new ClusterResources(new ConfigurationStats(stats), secrets, TimeProvider.System) { WaitBegan = static _ => { }, SecretWaitBegan = static _ => { } };
        Set(Discovered("a"));
        clusters.SetAssignments([Assignment("a", 1)], "1", ResourceOrigin.Wire, file: null, new ApplyOutcome());
        clusters.Settle([]);
        var (before, replacement) = (clusters.Active.Single(), Discovered("a"));
        replacement.ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(7));

        Set(replacement);
        clusters.Active.Single().Message.Should().BeSameAs(replacement);
        clusters.Settle([new ClusterFailure("a", "the machine has no memory left")]);

        clusters.Active.Single().Message.Should().BeSameAs(before.Message);
        clusters.Active.Single().Endpoints!.Value.Should().ContainSingle();
        clusters.Services.Should().Equal("a");
        clusters.SetAssignments([Assignment("a", 1, 2)], "2", ResourceOrigin.Wire, file: null, new ApplyOutcome());
        clusters.TakeChanges()["a"]!.Endpoints.Should().HaveCount(2, "what was replaced goes on");
        Set(replacement);
        clusters.Active.Single().Message.Should().BeSameAs(replacement, "the same sent again is tried again");

        void Set(ClusterMessage cluster) => clusters.Set([cluster], "1", ResourceOrigin.Wire, new ApplyOutcome());
    }

    [Fact]
    public void A_secret_that_a_listener_cannot_use_is_refused_by_name_and_shown_no_more()
    {
        var stats = new StatRegistry();
        var secrets = new SecretResources(new SecretStats(stats, TimeProvider.System), TimeProvider.System);
        var listeners = new ListenerResources(new ConfigurationStats(stats), secrets, TimeProvider.System) { WaitBegan = static _ => { }, SecretWaitBegan = static _ => { } };
        listeners.Set([Secure(Inline("l", "c"), "ads: {}")], "1", ResourceOrigin.Wire, new ApplyOutcome());
        secrets.SetUsers([.. listeners.SecretUsers]);
        Set(Certificate);
        var shown = Shown();

        var users = Set(SampleCertificate.Elliptic());
        Shown().Should().NotEqual(shown);
        var failures = new PublicationFailures([new ListenerFailure("l", "the machine has no memory left") { IsTls = true }], []);
        var outcome = new ApplyOutcome();

        secrets.TakeBack(failures.OfTls(users), outcome).Should().Equal(users);

        outcome.Rejections.Should().ContainSingle().Which.Should().Be(new ResourceRejection("web", "listener \"l\" cannot use it: the machine has no memory left"));
        Shown().Should().Equal(shown);
        secrets.TakeBack(failures.OfTls(users), outcome).Should().BeEmpty("it has returned already");

        IReadOnlyList<ISecretUser> Set(SampleCertificate certificate) => secrets.Set([certificate.Secret("web")], "1", SecretSource.Ads, ResourceOrigin.Wire, new ApplyOutcome());

        string[] Shown() => [.. secrets.Users.SelectMany(static user => user.Plans).SelectMany(plan => plan.Facts(secrets, "").CertChain).Select(static facts => facts.SerialNumber)];
    }

    private static ClusterMessage Secure(ClusterMessage cluster, string source)
    {
        var context = FromYaml.Message<UpstreamTlsContext>($"{{sni: a.example, common_tls_context: {{validation_context_sds_secret_config: {{name: ca, sds_config: {{{source}}}}}}}}}");
        cluster.TransportSocket = new() { Name = "tls", TypedConfig = Any.Pack(context) };
        return cluster;
    }

    private static Listener Secure(Listener listener, string source)
    {
        var context = FromYaml.Message<DownstreamTlsContext>($"{{common_tls_context: {{tls_certificate_sds_secret_configs: [{{name: web, sds_config: {{{source}}}}}]}}}}");
        listener.FilterChains[0].TransportSocket = new() { Name = "tls", TypedConfig = Any.Pack(context) };
        return listener;
    }

    private static void Deliver(ConfiguredProxy proxy, Secret secret) => proxy.State.SetSecrets([secret], "1", ResourceOrigin.Wire, SecretSource.Ads).Rejections.Should().BeEmpty();
}
