using KubeProxyNet.Proxy.Config.Tls;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <content>How long a resource waits for what it needs, and goes into force without.</content>
internal sealed partial class ConfigurationState
{
    private void WaitForEndpoints(ClusterEntry cluster) => cluster.Patience = _time.CreateTimer(
        _ => Change(_ =>
        {
            if (_clusters.EndWait(cluster))
            {
                LogNoEndpoints(_logger, cluster.Name, cluster.Translated.EndpointsTimeout.TotalSeconds);
                Tell(Publish());
            }
        }),
        null,
        cluster.Translated.EndpointsTimeout,
        Timeout.InfiniteTimeSpan);

    private void WaitForRoutes(ListenerEntry listener) => listener.Patience = _time.CreateTimer(
        _ => Change(_ =>
        {
            if (_listeners.EndWait(listener))
            {
                LogNoRoutes(_logger, listener.Message.Name, string.Join("\", \"", listener.RouteNames), listener.Translated.RoutesTimeout.TotalSeconds);
                Tell(Publish());
            }
        }),
        null,
        listener.Translated.RoutesTimeout,
        Timeout.InfiniteTimeSpan);

    private void WaitForSecrets(ClusterEntry cluster) => cluster.SecretPatience = Patience(cluster, () => _clusters.EndSecretWait(cluster));

    private void WaitForSecrets(ListenerEntry listener) => listener.SecretPatience = Patience(listener, () => _listeners.EndSecretWait(listener));

    private ITimer Patience(ISecretUser user, Func<bool> end)
    {
        SecretReference[] missing = [.. user.Plans.SelectMany(static plan => plan.Parts).Select(static part => part.Reference).OfType<SecretReference>().Where(reference => _secrets.Find(reference) is null)];
        var timeout = missing.Any(static reference => reference.Timeout == Timeout.InfiniteTimeSpan) ? Timeout.InfiniteTimeSpan : missing.Max(static reference => reference.Timeout);
        return _time.CreateTimer(
            _ => Change(_ =>
            {
                if (!end())
                {
                    return;
                }

                foreach (var reference in missing.Where(reference => _secrets.Find(reference) is null))
                {
                    _secretStats.CountTimeout(reference.Key.Name);
                    LogNoSecret(_logger, reference.Key.Name, user.Description, timeout.TotalSeconds);
                }

                Tell(Publish());
            }),
            null,
            timeout,
            Timeout.InfiniteTimeSpan);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "no endpoints came for cluster \"{Cluster}\" within {Seconds} s; it goes into force without")]
    private static partial void LogNoEndpoints(ILogger logger, string cluster, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "no routes \"{Routes}\" came for listener \"{Listener}\" within {Seconds} s; it goes into force without")]
    private static partial void LogNoRoutes(ILogger logger, string listener, string routes, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "no secret \"{Secret}\" came for {User} within {Seconds} s; it goes into force without, and its connections fail until the secret comes")]
    private static partial void LogNoSecret(ILogger logger, string secret, string user, double seconds);
}
