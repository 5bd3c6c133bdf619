using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Puts what discovery delivers into the configuration, by type, and says what could not be used.</summary>
internal sealed partial class DiscoveryApplication(ConfigurationState state, ILogger logger)
{
    private const int MaxRemembered = 1024;

    private readonly HashSet<string> _toldOf = new(StringComparer.Ordinal);

    /// <summary>Applies an update. What is returned goes back to the control plane as the reason of a NACK.</summary>
    public IReadOnlyList<AdsRejection> Apply(AdsUpdate update)
    {
        foreach (var resource in update.Resources)
        {
            TellOfWhatIsNotActedOn(update.TypeUrl, resource);
        }

        var rejections = update.TypeUrl switch
        {
            XdsTypeUrls.Cluster => state.SetClusters(Messages<Cluster>(update), update.Removed, update.Version, isStatic: false),
            XdsTypeUrls.ClusterLoadAssignment => state.SetAssignments(Messages<ClusterLoadAssignment>(update), update.Version),
            XdsTypeUrls.Listener => state.SetListeners(Messages<Listener>(update), update.Removed, update.Version, isStatic: false),
            XdsTypeUrls.RouteConfiguration => state.SetRoutes(Messages<Envoy.Config.Route.V3.RouteConfiguration>(update), update.Version, isStatic: false),
            _ => [],
        };

        foreach (var rejection in update.Rejections)
        {
            LogRejected(logger, ShortName(update.TypeUrl), rejection.Name, rejection.Reason);
        }

        foreach (var rejection in rejections)
        {
            LogRejected(logger, ShortName(update.TypeUrl), rejection.Name, rejection.Reason);
        }

        return [.. rejections.Select(static rejection => new AdsRejection(rejection.Name, rejection.Reason))];
    }

    /// <summary>The last part of a type URL, for people.</summary>
    public static string ShortName(string typeUrl) => typeUrl[(typeUrl.LastIndexOf('.') + 1)..];

    private static List<T> Messages<T>(AdsUpdate update) => [.. update.Resources.Select(static resource => resource.Message).OfType<T>()];

    // Once for each resource and field: a control plane repeats itself with each push.
    private void TellOfWhatIsNotActedOn(string typeUrl, AdsResource resource)
    {
        foreach (var problem in resource.Problems)
        {
            if (_toldOf.Count < MaxRemembered && _toldOf.Add($"{typeUrl}/{resource.Name}/{problem.Path}"))
            {
                LogNotActedOn(logger, ShortName(typeUrl), resource.Name, problem.ToString());
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Type} \"{Name}\" is refused, its last good version stays: {Reason}")]
    private static partial void LogRejected(ILogger logger, string type, string name, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Type} \"{Name}\" is used without regard to a part of it: {Problem}")]
    private static partial void LogNotActedOn(ILogger logger, string type, string name, string problem);
}
