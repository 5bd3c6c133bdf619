using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.Xds.Protocol;

/// <summary>
/// The control plane's end of one stream of the aggregated discovery service, state-of-the-world variant, without I/O: requests and snapshots
/// go in, responses come out. Not safe for concurrent use.
/// Source: Envoy, "xDS REST and gRPC protocol", sections "ACK and NACK semantics" and "Eventual consistency considerations".
/// </summary>
/// <remarks>
/// One response of a type is under way at a time. Responses make before they break: a type is held back while one before it in
/// <see cref="XdsTypeUrls.InServingOrder"/> is under way, and clusters that a new snapshot lacks are taken away only after everything else
/// was answered, for the routes in use still name them. Of endpoints, routes and secrets only those that changed are sent.
/// </remarks>
public sealed class AdsServerSession
{
    private const int MaxNames = 200_000;
    private const int MaxDetailLength = 4096;

    private readonly Dictionary<string, AdsServerSubscription> _subscriptions = new(StringComparer.Ordinal);
    private readonly ControlPlane _controlPlane;
    private Snapshot? _snapshot;
    private long _lastNonce;

    /// <summary>A session for a stream that has just begun.</summary>
    /// <param name="identifier">What the control plane calls itself in responses.</param>
    public AdsServerSession(string identifier)
    {
        _controlPlane = new ControlPlane { Identifier = identifier };
    }

    /// <summary>What the proxy said of itself; null before its first request.</summary>
    public Node? Node { get; private set; }

    /// <summary>The snapshot that the proxy is to have; null before <see cref="SetSnapshot"/>.</summary>
    public Snapshot? Snapshot => _snapshot;

    /// <summary>
    /// Whether the proxy has answered for everything that it subscribed to and that the snapshot holds. With <see cref="Rejections"/> empty it has taken all of it on.
    /// </summary>
    public bool IsSettled => _snapshot is not null && _subscriptions.Count > 0
        && _subscriptions.Values.All(subscription => !subscription.IsInFlight && !HasSomethingToSend(subscription));

    /// <summary>The types whose last response was refused, with its version.</summary>
    public IReadOnlyDictionary<string, string> Rejections =>
        _subscriptions.Values.Where(subscription => subscription.RejectedVersion is not null).ToDictionary(subscription => subscription.TypeUrl, subscription => subscription.RejectedVersion!, StringComparer.Ordinal);

    /// <summary>The version of a type that the proxy accepted last; empty before the first one.</summary>
    /// <param name="typeUrl">One of <see cref="XdsTypeUrls"/>.</param>
    public string AcknowledgedVersion(string typeUrl) => _subscriptions.TryGetValue(typeUrl, out var subscription) ? subscription.AcknowledgedVersion : string.Empty;

    /// <summary>Replaces what the proxy is to have. A response that is under way stays under way.</summary>
    /// <param name="snapshot">The snapshot.</param>
    public void SetSnapshot(Snapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        if (_snapshot is null)
        {
            foreach (var subscription in _subscriptions.Values)
            {
                subscription.Resume(snapshot[subscription.TypeUrl]);
            }
        }

        _snapshot = snapshot;
    }

    /// <summary>Takes a request in.</summary>
    /// <param name="request">The request, in the order of the stream.</param>
    public AdsRequestResult Receive(DiscoveryRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Node ??= request.Node;
        if (Node is null)
        {
            return new AdsRequestResult(AdsRequestKind.Invalid, request.TypeUrl, string.Empty, "the first request of a stream has no node");
        }

        if (!XdsTypeUrls.InServingOrder.Contains(request.TypeUrl, StringComparer.Ordinal))
        {
            return new AdsRequestResult(AdsRequestKind.UnknownType, request.TypeUrl, string.Empty, string.Empty);
        }

        if (request.ResourceNames.Count > MaxNames)
        {
            return new AdsRequestResult(AdsRequestKind.Invalid, request.TypeUrl, string.Empty, $"more than {MaxNames} names");
        }

        if (!_subscriptions.TryGetValue(request.TypeUrl, out var subscription))
        {
            return Begin(request);
        }

        if (request.ResponseNonce != subscription.Nonce)
        {
            return new AdsRequestResult(AdsRequestKind.Stale, request.TypeUrl, string.Empty, string.Empty);
        }

        subscription.Update(request.ResourceNames, isFirst: false);
        return Answer(request, subscription);
    }

    /// <summary>The next response to send.</summary>
    /// <returns>Null where there is nothing to send before another request or snapshot.</returns>
    public DiscoveryResponse? TryNext()
    {
        if (_snapshot is null)
        {
            return null;
        }

        foreach (var typeUrl in XdsTypeUrls.InServingOrder)
        {
            if (!_subscriptions.TryGetValue(typeUrl, out var subscription))
            {
                continue;
            }

            if (subscription.IsInFlight)
            {
                // What comes later may depend on it.
                return null;
            }

            if (HasSomethingToSend(subscription))
            {
                return Send(subscription);
            }
        }

        return null;
    }

    private AdsRequestResult Begin(DiscoveryRequest request)
    {
        var subscription = new AdsServerSubscription(request.TypeUrl, request.VersionInfo);
        subscription.Update(request.ResourceNames, isFirst: true);
        _subscriptions.Add(request.TypeUrl, subscription);
        if (_snapshot is { } snapshot)
        {
            subscription.Resume(snapshot[request.TypeUrl]);
        }

        return new AdsRequestResult(AdsRequestKind.Subscribed, request.TypeUrl, string.Empty, string.Empty);
    }

    private static AdsRequestResult Answer(DiscoveryRequest request, AdsServerSubscription subscription)
    {
        var isAnswer = subscription.IsInFlight;
        if (isAnswer && request.ErrorDetail is { } error)
        {
            subscription.IsInFlight = false;
            subscription.RejectedVersion = subscription.SentVersion;
            var detail = error.Message.Length <= MaxDetailLength ? error.Message : error.Message[..MaxDetailLength];
            return new AdsRequestResult(AdsRequestKind.Rejected, request.TypeUrl, subscription.SentVersion, detail);
        }

        // A request with the nonce but another version only changes the subscription, while the proxy still works on the response.
        if (isAnswer && request.VersionInfo == subscription.SentVersion)
        {
            subscription.IsInFlight = false;
            subscription.RejectedVersion = null;
            subscription.AcknowledgedVersion = subscription.SentVersion;
            return new AdsRequestResult(AdsRequestKind.Acknowledged, request.TypeUrl, subscription.SentVersion, string.Empty);
        }

        return new AdsRequestResult(AdsRequestKind.Subscribed, request.TypeUrl, string.Empty, string.Empty);
    }

    private bool HasSomethingToSend(AdsServerSubscription subscription) => subscription.IsFullSet
        ? Target(subscription).Version != subscription.SentSet?.Version
        : subscription.HasChanged(_snapshot![subscription.TypeUrl]);

    private DiscoveryResponse Send(AdsServerSubscription subscription)
    {
        var fullSet = subscription.IsFullSet ? Target(subscription) : null;
        var resources = fullSet is null
            ? subscription.Changed(_snapshot![subscription.TypeUrl])
            : [.. fullSet.ByName.Values.OrderBy(resource => resource.Name, StringComparer.Ordinal)];
        var version = fullSet?.Version ?? _snapshot![subscription.TypeUrl].Version;
        var nonce = (++_lastNonce).ToString(CultureInfo.InvariantCulture);
        subscription.Sent(nonce, version, resources, fullSet);
        var response = new DiscoveryResponse
        {
            TypeUrl = subscription.TypeUrl,
            VersionInfo = version,
            Nonce = nonce,
            ControlPlane = _controlPlane,
        };
        response.Resources.AddRange(resources.Select(resource => resource.Body));
        return response;
    }

    /// <summary>The full set to send now: that of the snapshot, and with it the clusters that routes in use may still name.</summary>
    private ResourceSet Target(AdsServerSubscription subscription)
    {
        var target = subscription.Filter(_snapshot![subscription.TypeUrl]);
        if (subscription.TypeUrl != XdsTypeUrls.Cluster || subscription.SentSet is not { } sent || sent.Version == target.Version)
        {
            return target;
        }

        var leaving = sent.ByName.Values.Where(resource => !target.ByName.ContainsKey(resource.Name)).ToList();
        return leaving.Count > 0 && IsUnsettledBehind(subscription) ? target.With(leaving, []) : target;
    }

    /// <summary>
    /// Whether the proxy may be using older listeners or routes: they, or what they wait for, have still to be sent or answered, or it refused them.
    /// What else it may have refused, endpoints and secrets, names no cluster.
    /// </summary>
    private bool IsUnsettledBehind(AdsServerSubscription clusters) => _subscriptions.Values.Any(other =>
        other != clusters && (other.IsInFlight || HasSomethingToSend(other) || (other.RejectedVersion is not null && NamesClusters(other))));

    private static bool NamesClusters(AdsServerSubscription subscription) => subscription.TypeUrl is XdsTypeUrls.Listener or XdsTypeUrls.RouteConfiguration;
}
