using AwesomeAssertions;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Xds.Protocol;

namespace KubeProxyNet.Xds.Tests.Protocol;

public sealed class DeltaTranslationTests
{
    private readonly AdsClientSession _session = new(new Node { Id = "proxy" });
    private readonly DeltaTranslation _delta = new();

    [Fact]
    public void A_subscription_is_told_once_and_then_only_what_changes()
    {
        Begin("a", "b");
        var first = Next()!;
        first.Node.Id.Should().Be("proxy");
        first.TypeUrl.Should().Be(XdsTypeUrls.Secret);
        first.ResourceNamesSubscribe.Should().Equal("a", "b");
        first.ResourceNamesUnsubscribe.Should().BeEmpty();
        first.InitialResourceVersions.Should().BeEmpty();
        first.ResponseNonce.Should().BeEmpty();

        _session.Subscribe(XdsTypeUrls.Secret, ["b", "c"]);
        var second = Next()!;
        second.Node.Should().BeNull();
        second.ResourceNamesSubscribe.Should().Equal("c");
        second.ResourceNamesUnsubscribe.Should().Equal("a");
        Next().Should().BeNull();
    }

    [Fact]
    public void An_answer_has_its_nonce_once()
    {
        Begin("a");
        Next();
        Take(Response("n1", ("a", "1"))).Resources.Single().Name.Should().Be("a");
        var answer = Next()!;
        answer.ResponseNonce.Should().Be("n1");
        answer.ErrorDetail.Should().BeNull();
        answer.ResourceNamesSubscribe.Should().BeEmpty();

        _session.Subscribe(XdsTypeUrls.Secret, ["a", "b"]);
        var change = Next()!;
        change.ResourceNamesSubscribe.Should().Equal("b");
        change.ResponseNonce.Should().BeEmpty("the response is answered already");
    }

    [Fact]
    public void What_is_refused_says_why_and_is_not_in_use()
    {
        Begin("a", "b");
        Next();
        Take(Response("n1", ("a", "1"), ("b", "1")));
        Next();
        Take(Response("n2", ("a", "2")), new AdsRejection("a", "expired"));
        var answer = Next()!;
        answer.ResponseNonce.Should().Be("n2");
        answer.ErrorDetail.Message.Should().Be("a: expired");

        _session.EndStream();
        Begin("a", "b");
        Next()!.InitialResourceVersions.Should().Equal(new Dictionary<string, string> { ["b"] = "1" }, "the last good version of a is none of the service's last");
    }

    [Fact]
    public void A_new_stream_says_everything_again_and_what_there_is()
    {
        Begin("a", "b");
        Next();
        Take(Response("n1", ("a", "7"), ("b", "8")));
        Next();
        Take(new DeltaDiscoveryResponse { TypeUrl = XdsTypeUrls.Secret, Nonce = "n2", RemovedResources = { "b" } });
        Next();

        _session.EndStream();
        Begin("a", "b");
        var first = Next()!;
        first.Node.Id.Should().Be("proxy");
        first.ResourceNamesSubscribe.Should().Equal("a", "b");
        first.InitialResourceVersions.Should().Equal(new Dictionary<string, string> { ["a"] = "7" });
        first.ResponseNonce.Should().BeEmpty();
    }

    [Fact]
    public void Responses_have_the_version_of_the_system_or_of_what_they_bring()
    {
        Begin("a");
        Next();
        Take(Response("n1", ("a", "7"))).Version.Should().Be("7");
        var response = Response("n2", ("a", "8"));
        response.SystemVersionInfo = "all-3";
        Take(response).Version.Should().Be("all-3");
        Take(new DeltaDiscoveryResponse { TypeUrl = XdsTypeUrls.Secret, Nonce = "n3", Resources = { new Resource { Name = "a" } } }).Resources.Should().BeEmpty("it only says that a is still there");
    }

    private static DeltaDiscoveryResponse Response(string nonce, params (string Name, string Version)[] secrets) => new()
    {
        TypeUrl = XdsTypeUrls.Secret,
        Nonce = nonce,
        Resources =
        {
            secrets.Select(static secret => new Resource
            {
                Name = secret.Name,
                Version = secret.Version,
                Resource_ = Any.Pack(new Secret { Name = secret.Name, ValidationContext = new CertificateValidationContext { TrustedCa = new DataSource { InlineString = "pem" } } }),
            }),
        },
    };

    private void Begin(params string[] names)
    {
        _delta.BeginStream();
        _session.BeginStream();
        _session.Subscribe(XdsTypeUrls.Secret, names);
    }

    /// <summary>What leaves next; null where nothing does.</summary>
    private DeltaDiscoveryRequest? Next()
    {
        while (_session.TryNext() is { } request)
        {
            if (_delta.Of(request) is { } delta)
            {
                return delta;
            }
        }

        return null;
    }

    private AdsUpdate Take(DeltaDiscoveryResponse response, params AdsRejection[] rejections)
    {
        var update = _session.Receive(_delta.Of(response))!;
        _session.Complete(update, rejections);
        return update;
    }
}
