using Envoy.Service.Discovery.V3;

namespace KubeProxyNet.Xds.Protocol;

/// <summary>
/// Lets an <see cref="AdsClientSession"/> speak the incremental variant of the protocol, without I/O: what its requests name is compared with what the stream was
/// told before, and what changed goes out. For types whose responses are no full sets (<see cref="XdsTypeUrls.IsFullStateOfTheWorld"/>). Not safe for concurrent use.
/// Source: Envoy, "xDS REST and gRPC protocol", "Incremental xDS".
/// </summary>
public sealed class DeltaTranslation
{
    private readonly Dictionary<string, Subscription> _subscriptions = new(StringComparer.Ordinal);

    /// <summary>A stream is open: what the last one was told is forgotten, what is in use is not.</summary>
    public void BeginStream()
    {
        foreach (var subscription in _subscriptions.Values)
        {
            subscription.Told.Clear();
            subscription.IsTold = false;
            subscription.Answered = "";
            subscription.Offered = null;
        }
    }

    /// <summary>A request of the session's as it leaves.</summary>
    /// <returns>Null where it would say nothing new.</returns>
    public DeltaDiscoveryRequest? Of(DiscoveryRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var subscription = SubscriptionOf(request.TypeUrl);
        var names = request.ResourceNames.ToHashSet(StringComparer.Ordinal);
        var delta = new DeltaDiscoveryRequest { Node = request.Node, TypeUrl = request.TypeUrl };
        delta.ResourceNamesSubscribe.AddRange(request.ResourceNames.Where(name => !subscription.Told.Contains(name)));
        delta.ResourceNamesUnsubscribe.AddRange(subscription.Told.Where(name => !names.Contains(name)).Order(StringComparer.Ordinal));
        foreach (var name in delta.ResourceNamesUnsubscribe)
        {
            subscription.InUse.Remove(name);
        }

        if (!subscription.IsTold)
        {
            foreach (var (name, version) in subscription.InUse.Where(resource => names.Contains(resource.Key)))
            {
                delta.InitialResourceVersions[name] = version;
            }
        }

        // A request that only changes the subscription carries the last nonce once more; here it answers nothing.
        var isAnswer = request.ResponseNonce.Length > 0 && request.ResponseNonce != subscription.Answered;
        if (isAnswer)
        {
            delta.ResponseNonce = subscription.Answered = request.ResponseNonce;
            delta.ErrorDetail = request.ErrorDetail;
            subscription.Settle(isAccepted: request.ErrorDetail is null);
        }

        var saysNothing = subscription.IsTold && !isAnswer && delta.ResourceNamesSubscribe.Count + delta.ResourceNamesUnsubscribe.Count == 0;
        subscription.IsTold = true;
        subscription.Told.Clear();
        subscription.Told.UnionWith(names);
        return saysNothing ? null : delta;
    }

    /// <summary>A response as the session takes it. What is said to be removed is not part of it: what is in use stays.</summary>
    public DiscoveryResponse Of(DeltaDiscoveryResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);

        // A resource without content only prolongs the life of what is there.
        Resource[] resources = [.. response.Resources.Where(static resource => resource.Resource_ is not null)];
        SubscriptionOf(response.TypeUrl).Offered = (resources, [.. response.RemovedResources]);
        return new DiscoveryResponse
        {
            TypeUrl = response.TypeUrl,
            VersionInfo = response.SystemVersionInfo.Length > 0 ? response.SystemVersionInfo : resources.FirstOrDefault()?.Version ?? "",
            Nonce = response.Nonce,
            ControlPlane = response.ControlPlane,
            Resources = { resources.Select(static resource => resource.Resource_) },
        };
    }

    private Subscription SubscriptionOf(string typeUrl)
    {
        if (!_subscriptions.TryGetValue(typeUrl, out var subscription))
        {
            _subscriptions[typeUrl] = subscription = new Subscription();
        }

        return subscription;
    }

    /// <summary>What is known of one type.</summary>
    private sealed class Subscription
    {
        /// <summary>The names that this stream was told.</summary>
        public HashSet<string> Told { get; } = new(StringComparer.Ordinal);

        /// <summary>True once this stream had a request for the type.</summary>
        public bool IsTold { get; set; }

        /// <summary>The nonce that was answered last.</summary>
        public string Answered { get; set; } = "";

        /// <summary>The versions of what responses brought and was accepted, by name; a new stream is told of them.</summary>
        public Dictionary<string, string> InUse { get; } = new(StringComparer.Ordinal);

        /// <summary>What the response holds that is not answered yet.</summary>
        public (Resource[] Resources, string[] Removed)? Offered { get; set; }

        public void Settle(bool isAccepted)
        {
            if (Offered is not { } offered)
            {
                return;
            }

            foreach (var resource in offered.Resources)
            {
                // Of a response that was refused in part, nobody knows which part: those are asked for again.
                InUse.Remove(resource.Name);
                if (isAccepted)
                {
                    InUse[resource.Name] = resource.Version;
                }
            }

            foreach (var name in offered.Removed)
            {
                InUse.Remove(name);
            }

            Offered = null;
        }
    }
}
