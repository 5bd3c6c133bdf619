using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using KubeProxyNet.Xds.Serving;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Protocol;

/// <summary>
/// The proxy's end of the aggregated discovery service, state-of-the-world variant, without I/O: subscriptions and responses go in,
/// requests come out. It outlives streams: after a new one begins, it subscribes again where it was.
/// Not safe for concurrent use.
/// Source: Envoy, "xDS REST and gRPC protocol".
/// </summary>
/// <remarks>
/// An owner calls <see cref="BeginStream"/>, sends what <see cref="TryNext"/> gives until it gives nothing, hands each response to
/// <see cref="Receive"/>, applies the update, subscribes to what the update made necessary, and calls <see cref="Complete"/>; then sends again.
/// Requests leave in the order in which they became due, so that a subscription precedes the acknowledgement that follows it, which lets
/// the control plane hold back what depends on it. To complete an update must not wait for another response: the control plane may be
/// waiting for the answer before it sends that.
/// </remarks>
public sealed class AdsClientSession
{
    private const int InvalidArgument = 3;
    private const int MaxErrorLength = 4096;

    private readonly Node _node;
    private readonly Dictionary<string, AdsClientSubscription> _subscriptions = new(StringComparer.Ordinal);
    private readonly List<string> _due = [];
    private bool _hasStream;
    private bool _nodeIsSent;
    private int _stream;

    /// <summary>A session without subscriptions and without a stream.</summary>
    /// <param name="node">What the proxy says of itself, in the first request of each stream.</param>
    public AdsClientSession(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        _node = node;
    }

    /// <summary>The type URLs subscribed to, in no particular order.</summary>
    public IReadOnlyCollection<string> Types => _subscriptions.Keys;

    /// <summary>The version of the last response of a type that was accepted in full; empty before the first one.</summary>
    /// <param name="typeUrl">A type; one without a subscription has an empty version.</param>
    public string AcceptedVersion(string typeUrl) => _subscriptions.TryGetValue(typeUrl, out var subscription) ? subscription.AcceptedVersion : string.Empty;

    /// <summary>The names subscribed to that no response has brought yet. How long to wait for them is the owner's decision (<c>initial_fetch_timeout</c>).</summary>
    /// <param name="typeUrl">A type.</param>
    public IReadOnlyList<string> Outstanding(string typeUrl) =>
        _subscriptions.TryGetValue(typeUrl, out var subscription) ? [.. subscription.Names.Where(name => !subscription.Known.Contains(name))] : [];

    /// <summary>Subscribes to every resource of a type. Listeners and clusters only.</summary>
    /// <param name="typeUrl">The type.</param>
    /// <exception cref="ArgumentException">The protocol has no wildcard for the type.</exception>
    public void SubscribeToAll(string typeUrl)
    {
        if (!XdsTypeUrls.IsFullStateOfTheWorld(typeUrl))
        {
            throw new ArgumentException($"{typeUrl} can be subscribed to by name only", nameof(typeUrl));
        }

        var subscription = SubscriptionOf(typeUrl, out var isNew);
        if (isNew || !subscription.IsWildcard)
        {
            subscription.IsWildcard = true;
            subscription.Names.Clear();
            MakeDue(typeUrl);
        }
    }

    /// <summary>Subscribes to resources by name, in place of those subscribed to before. Without a name, the subscription to the type stays, to nothing.</summary>
    /// <param name="typeUrl">The type.</param>
    /// <param name="names">The names; what is not among them is forgotten.</param>
    public void Subscribe(string typeUrl, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var wanted = new SortedSet<string>(names, StringComparer.Ordinal);
        if (wanted.Count == 0 && !_subscriptions.ContainsKey(typeUrl))
        {
            // A first request without names would be one for everything.
            return;
        }

        var subscription = SubscriptionOf(typeUrl, out var isNew);
        if (isNew || subscription.IsWildcard || !subscription.Names.SetEquals(wanted))
        {
            subscription.IsWildcard = false;
            subscription.Names = wanted;
            subscription.Known.IntersectWith(wanted);
            MakeDue(typeUrl);
        }
    }

    /// <summary>A stream is open: the first request of each type is due, in the order that makes before it breaks.</summary>
    public void BeginStream()
    {
        _hasStream = true;
        _stream++;
        _nodeIsSent = false;
        _due.Clear();
        foreach (var subscription in _subscriptions.Values)
        {
            subscription.Nonce = string.Empty;
            subscription.Error = null;
        }

        foreach (var typeUrl in XdsTypeUrls.InServingOrder.Concat(_subscriptions.Keys).Where(_subscriptions.ContainsKey).Distinct(StringComparer.Ordinal))
        {
            if (_subscriptions[typeUrl] is { IsWildcard: true } or { Names.Count: > 0 })
            {
                MakeDue(typeUrl);
            }
        }
    }

    /// <summary>The stream is gone. What is in use stays, and subscriptions may change; nothing is due until the next stream.</summary>
    public void EndStream()
    {
        _hasStream = false;
        _due.Clear();
    }

    /// <summary>Takes a response in.</summary>
    /// <param name="response">The response, from the stream that is open.</param>
    /// <returns>What it changes, to be applied and completed; null where it is of a type without a subscription, and is passed over.</returns>
    public AdsUpdate? Receive(DiscoveryResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        if (!_hasStream || !_subscriptions.TryGetValue(response.TypeUrl, out var subscription))
        {
            return null;
        }

        subscription.Nonce = response.Nonce;
        var (resources, rejections, names) = Check(response);

        // A resource whose name cannot be read may be any of those that seem to be gone.
        var isFullSet = XdsTypeUrls.IsFullStateOfTheWorld(response.TypeUrl) && !names.Any(name => name.StartsWith('#'));
        var removed = isFullSet
            ? subscription.Known.Concat(subscription.Names).Where(name => !names.Contains(name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList()
            : [];
        resources.RemoveAll(resource => !subscription.Wants(resource.Name));
        return new AdsUpdate(response.TypeUrl, response.VersionInfo, response.Nonce, _stream) { Resources = resources, Rejections = rejections, Removed = removed };
    }

    /// <summary>
    /// Says that an update was applied. Without any rejection the response is acknowledged; with one it is not, by an error that names the resources and
    /// the version of the last response that was accepted.
    /// </summary>
    /// <param name="update">What <see cref="Receive"/> returned.</param>
    /// <param name="rejections">What could not be applied, beyond <see cref="AdsUpdate.Rejections"/>; null for nothing.</param>
    public void Complete(AdsUpdate update, IReadOnlyCollection<AdsRejection>? rejections = null)
    {
        ArgumentNullException.ThrowIfNull(update);
        if (!_subscriptions.TryGetValue(update.TypeUrl, out var subscription))
        {
            return;
        }

        IReadOnlyList<AdsRejection> all = [.. update.Rejections, .. rejections ?? []];
        var refused = all.Select(rejection => rejection.Name).ToHashSet(StringComparer.Ordinal);
        subscription.Known.ExceptWith(update.Removed);
        subscription.Known.UnionWith(update.Resources.Select(resource => resource.Name).Where(name => subscription.Wants(name) && !refused.Contains(name)));
        subscription.IsMixed = all.Count > 0;
        if (all.Count == 0)
        {
            subscription.AcceptedVersion = update.Version;
        }

        // A later response of the type, or a later stream, has its own answer.
        if (_hasStream && update.Stream == _stream && update.Nonce == subscription.Nonce && update.Nonce.Length > 0)
        {
            subscription.Error = all.Count == 0 ? null : Describe(all);
            MakeDue(update.TypeUrl);
        }
    }

    /// <summary>The next request to send.</summary>
    /// <returns>Null where nothing is due.</returns>
    public DiscoveryRequest? TryNext()
    {
        if (!_hasStream || _due.Count == 0)
        {
            return null;
        }

        var subscription = _subscriptions[_due[0]];
        _due.RemoveAt(0);
        var isFirst = subscription.Nonce.Length == 0;
        var request = new DiscoveryRequest
        {
            TypeUrl = subscription.TypeUrl,

            // After a response that was taken in part, no version says what is in use: the new stream has to send everything.
            VersionInfo = isFirst && subscription.IsMixed ? string.Empty : subscription.AcceptedVersion,
            ResponseNonce = subscription.Nonce,
            Node = _nodeIsSent ? null : _node,
        };
        request.ResourceNames.AddRange(subscription.Names);
        if (subscription.Error is { } error)
        {
            request.ErrorDetail = new Google.Rpc.Status { Code = InvalidArgument, Message = error };
            subscription.Error = null;
        }

        _nodeIsSent = true;
        return request;
    }

    private static (List<AdsResource> Resources, List<AdsRejection> Rejections, HashSet<string> Names) Check(DiscoveryResponse response)
    {
        var resources = new List<AdsResource>();
        var rejections = new List<AdsRejection>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < response.Resources.Count; i++)
        {
            var resource = response.Resources[i];
            var checkedResource = resource.TypeUrl == response.TypeUrl ? ResourceChecker.Check(resource) : null;
            var name = checkedResource?.Message is { } message ? ResourceNames.NameOf(message) : null;
            var label = string.IsNullOrEmpty(name) ? $"#{i}" : name;
            if (!names.Add(label))
            {
                rejections.Add(new AdsRejection(label, "stands twice in the response"));
            }
            else if (checkedResource is null)
            {
                rejections.Add(new AdsRejection(label, $"is a \"{resource.TypeUrl}\" in a response of another type"));
            }
            else if (!checkedResource.IsValid)
            {
                rejections.Add(new AdsRejection(label, string.Join(", ", checkedResource.Problems.Where(problem => problem.Kind == ConfigProblemKind.Invalid))));
            }
            else if (string.IsNullOrEmpty(name))
            {
                rejections.Add(new AdsRejection(label, "has no name"));
            }
            else
            {
                resources.Add(new AdsResource(label, checkedResource.Message!, checkedResource.Problems));
            }
        }

        return (resources, rejections, names);
    }

    private static string Describe(IReadOnlyList<AdsRejection> rejections)
    {
        var text = string.Join("\n", rejections.Select(rejection => $"{rejection.Name}: {rejection.Reason}"));
        return text.Length <= MaxErrorLength ? text : text[..MaxErrorLength];
    }

    private AdsClientSubscription SubscriptionOf(string typeUrl, out bool isNew)
    {
        isNew = !_subscriptions.TryGetValue(typeUrl, out var subscription);
        if (subscription is null)
        {
            _subscriptions[typeUrl] = subscription = new AdsClientSubscription(typeUrl);
        }

        return subscription;
    }

    private void MakeDue(string typeUrl)
    {
        if (_hasStream && !_due.Contains(typeUrl))
        {
            _due.Add(typeUrl);
        }
    }
}
