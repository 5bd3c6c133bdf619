using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Protocol;
using KubeProxyNet.Xds.Validation;
using Microsoft.Extensions.Logging;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;
using SecretMessage = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Puts what discovery delivers into the configuration, by type, and says what could not be used.</summary>
internal sealed partial class DiscoveryApplication(ConfigurationState state, RuntimeLoader? runtime, DiscoveryStats stats, ILogger logger)
{
    private const int MaxRemembered = 1024;

    private readonly HashSet<string> _toldOf = new(StringComparer.Ordinal);

    /// <summary>Applies an update. What is returned goes back to the control plane as the reason of a NACK.</summary>
    /// <param name="update">The update.</param>
    /// <param name="origin">How strictly it is taken.</param>
    /// <param name="secretSource">Where its secrets come from; null for the aggregated stream.</param>
    public IReadOnlyList<AdsRejection> Apply(AdsUpdate update, ResourceOrigin origin, SecretSource? secretSource = null)
    {
        var source = secretSource ?? SecretSource.Ads;
        var outcome = update.TypeUrl switch
        {
            XdsTypeUrls.Cluster => state.SetClusters(Messages<Cluster>(update), update.Removed, update.Version, origin),
            XdsTypeUrls.ClusterLoadAssignment => state.SetAssignments(Messages<ClusterLoadAssignment>(update), update.Version, origin),
            XdsTypeUrls.Listener => state.SetListeners(Messages<Listener>(update), update.Removed, update.Version, origin),
            XdsTypeUrls.RouteConfiguration => state.SetRoutes(Messages<RouteConfigurationMessage>(update), update.Version, origin),
            XdsTypeUrls.Secret => state.SetSecrets(Messages<SecretMessage>(update), update.Version, origin, source),
            XdsTypeUrls.Runtime when runtime is not null => runtime.Set(Messages<Envoy.Service.Runtime.V3.Runtime>(update)),
            _ => new ApplyOutcome(),
        };

        Tell(update, outcome);
        Count(update, outcome, source);
        return [.. outcome.Rejections.Select(static rejection => new AdsRejection(rejection.Name, rejection.Reason))];
    }

    /// <summary>The last part of a type URL, for people.</summary>
    public static string ShortName(string typeUrl) => typeUrl[(typeUrl.LastIndexOf('.') + 1)..];

    private static List<T> Messages<T>(AdsUpdate update) => [.. update.Resources.Select(static resource => resource.Message).OfType<T>()];

    private void Tell(AdsUpdate update, ApplyOutcome outcome)
    {
        foreach (var rejection in update.Rejections)
        {
            LogRejected(logger, ShortName(update.TypeUrl), rejection.Name, rejection.Reason);
        }

        foreach (var rejection in outcome.Rejections)
        {
            LogRejected(logger, ShortName(update.TypeUrl), rejection.Name, rejection.Reason);
        }

        var refused = outcome.Rejections.Select(static rejection => rejection.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var resource in update.Resources.Where(resource => !refused.Contains(resource.Name)))
        {
            foreach (var problem in resource.Problems)
            {
                TellOfWhatIsNotActedOn(update.TypeUrl, resource.Name, problem);
            }
        }

        outcome.Notices.ForEach(notice => TellOfWhatIsNotActedOn(update.TypeUrl, notice.Name, notice.Problem));
    }

    private void Count(AdsUpdate update, ApplyOutcome outcome, SecretSource source)
    {
        stats.CountResponse(update.TypeUrl, update.Rejections.Count == 0 && outcome.Rejections.Count == 0);
        if (update.TypeUrl == XdsTypeUrls.Secret)
        {
            state.NoteRefusedSecrets(update.Rejections.Select(static rejection => (rejection.Name, rejection.Reason)), update.Version, source);
        }
        else if (update.TypeUrl == XdsTypeUrls.RouteConfiguration)
        {
            var refused = update.Rejections.Select(static rejection => rejection.Name).Concat(outcome.Rejections.Select(static rejection => rejection.Name)).ToHashSet(StringComparer.Ordinal);
            foreach (var name in update.Resources.Select(static resource => resource.Name).Union(refused, StringComparer.Ordinal))
            {
                stats.CountRoutes(name, state.StatPrefixesOf(name), !refused.Contains(name));
            }
        }
    }

    // Once for each resource and field: a control plane repeats itself with each push.
    private void TellOfWhatIsNotActedOn(string typeUrl, string name, ConfigProblem problem)
    {
        if (_toldOf.Count >= MaxRemembered || !_toldOf.Add($"{typeUrl}/{name}/{problem.Path}"))
        {
            return;
        }

        LogNotActedOn(logger, ShortName(typeUrl), name, problem.ToString());
        if (_toldOf.Count == MaxRemembered)
        {
            LogNoMore(logger, MaxRemembered);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Type} \"{Name}\" is refused, its last good version stays: {Reason}")]
    private static partial void LogRejected(ILogger logger, string type, string name, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Type} \"{Name}\" is used without regard to a part of it: {Problem}")]
    private static partial void LogNotActedOn(ILogger logger, string type, string name, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} parts of resources are not acted on; no more of them are told")]
    private static partial void LogNoMore(ILogger logger, int count);
}
