using Envoy.Config.Core.V3;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>
/// Keeps a stream to each secret discovery service that something asks for secrets, for as long as it does. There are as many as the configuration names.
/// For any thread.
/// </summary>
internal sealed class SecretClients(
    SecretServiceTargets targets, Node node, ConfigurationState state, DiscoveryStats discoveryStats, SecretStats stats, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<SecretService, SecretClient> _clients = [];
    private readonly List<Task> _ending = [];
    private bool _isDisposed;

    /// <summary>Asks from now on.</summary>
    public void Start()
    {
        state.SubscriptionsChanged += Follow;
        Follow();
    }

    public async ValueTask DisposeAsync()
    {
        state.SubscriptionsChanged -= Follow;
        Task[] ending;
        lock (_gate)
        {
            _isDisposed = true;
            _ending.AddRange(_clients.Values.Select(static client => client.DisposeAsync().AsTask()));
            _clients.Clear();
            ending = [.. _ending];
        }

        await Task.WhenAll(ending);
    }

    private void Follow()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var wanted = state.SecretServices;
            _ending.RemoveAll(static end => end.IsCompleted);
            foreach (var service in _clients.Keys.Where(service => !wanted.ContainsKey(service)).ToArray())
            {
                _clients.Remove(service, out var client);
                _ending.Add(client!.DisposeAsync().AsTask());
            }

            foreach (var service in wanted.Keys)
            {
                if (_clients.TryGetValue(service, out var client))
                {
                    client.OnSubscriptionsChanged();
                }
                else if (targets.Find(service) is { } target)
                {
                    _clients[service] = client = new SecretClient(service, target, node, state, new DiscoveryApplication(state, null, discoveryStats, logger), stats, time, logger);
                    client.Start();
                }
            }
        }
    }
}
