using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.Xds.Protocol;

/// <summary>What the control plane knows about one resource type on one stream.</summary>
internal sealed class AdsServerSubscription(string typeUrl, string resumedVersion)
{
    // What a subscribed name was last sent as; a name without an entry was not sent.
    private readonly Dictionary<string, string> _sentVersions = new(StringComparer.Ordinal);

    // The last set in which nothing was found to send, so that it is not searched again.
    private ResourceSet? _searchedSet;

    public string TypeUrl { get; } = typeUrl;

    public bool IsFullSet { get; } = XdsTypeUrls.IsFullStateOfTheWorld(typeUrl);

    public bool IsWildcard { get; private set; }

    public HashSet<string> Names { get; private set; } = new(StringComparer.Ordinal);

    public string Nonce { get; private set; } = string.Empty;

    public string SentVersion { get; private set; } = string.Empty;

    public string AcknowledgedVersion { get; set; } = string.Empty;

    /// <summary>The version that the proxy refused last, until it accepts one or asks for nothing any more that it was sent; null where there is none.</summary>
    public string? RejectedVersion { get; set; }

    /// <summary>Whether a response waits for its answer; no other one of the type is sent meanwhile.</summary>
    public bool IsInFlight { get; set; }

    /// <summary>The full set that was sent last, for the types that are sent in full; null before the first one.</summary>
    public ResourceSet? SentSet { get; private set; }

    /// <summary>Takes over what a request subscribes to.</summary>
    /// <returns>Whether that is a change.</returns>
    public bool Update(IReadOnlyCollection<string> names, bool isFirst)
    {
        // Without a name ever given, listeners and clusters are subscribed to in whole.
        var wildcard = IsFullSet && ((names.Count == 0 && (isFirst || IsWildcard)) || names.Contains("*", StringComparer.Ordinal));
        var wanted = names.Where(name => name != "*").ToHashSet(StringComparer.Ordinal);
        if (wildcard == IsWildcard && Names.SetEquals(wanted))
        {
            return false;
        }

        foreach (var name in Names.Where(name => !wanted.Contains(name)))
        {
            _sentVersions.Remove(name);
        }

        (IsWildcard, Names, _searchedSet) = (wildcard, wanted, null);
        if (!AsksForWhatWasSent())
        {
            RejectedVersion = null;
        }

        return true;
    }

    /// <summary>What of a set this subscription is about.</summary>
    public ResourceSet Filter(ResourceSet set) =>
        IsWildcard ? set : ResourceSet.Empty.With(Names.Select(name => set.ByName.GetValueOrDefault(name)).OfType<XdsResource>(), []);

    /// <summary>The subscribed resources that differ from what was sent, by name; for types that are sent one by one.</summary>
    public IReadOnlyList<XdsResource> Changed(ResourceSet set) =>
    [
        .. Names.Select(name => set.ByName.GetValueOrDefault(name)).OfType<XdsResource>()
            .Where(resource => _sentVersions.GetValueOrDefault(resource.Name) != resource.Version)
            .OrderBy(resource => resource.Name, StringComparer.Ordinal),
    ];

    /// <summary>Whether <see cref="Changed"/> gives anything.</summary>
    public bool HasChanged(ResourceSet set)
    {
        if (ReferenceEquals(set, _searchedSet))
        {
            return false;
        }

        if (Names.Any(name => set.ByName.TryGetValue(name, out var resource) && _sentVersions.GetValueOrDefault(name) != resource.Version))
        {
            return true;
        }

        _searchedSet = set;
        return false;
    }

    /// <summary>
    /// Takes a full set as sent, where the proxy's first request says that it has the same from an earlier stream: the version is a hash of the
    /// content. Types that are sent one by one are sent again, for their version does not say which of them the proxy has.
    /// </summary>
    public void Resume(ResourceSet set)
    {
        if (IsFullSet && SentSet is null && Filter(set) is var own && own.Version == resumedVersion)
        {
            (SentSet, SentVersion, AcknowledgedVersion) = (own, own.Version, own.Version);
        }
    }

    /// <summary>Takes down what is sent.</summary>
    public void Sent(string nonce, string version, IEnumerable<XdsResource> resources, ResourceSet? fullSet)
    {
        (Nonce, SentVersion, SentSet, IsInFlight) = (nonce, version, fullSet, true);
        if (fullSet is null)
        {
            foreach (var resource in resources)
            {
                _sentVersions[resource.Name] = resource.Version;
            }
        }
    }

    private bool AsksForWhatWasSent() => IsFullSet
        ? IsWildcard || (SentSet is not null && Names.Any(SentSet.ByName.ContainsKey))
        : _sentVersions.Count > 0;
}
