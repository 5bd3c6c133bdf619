using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>
/// The TLS contexts of the open listeners. A filter chain whose settings of TLS did not change keeps its context: making one takes a millisecond, and a
/// listener may have thousands. Belongs to the thread that applies configuration.
/// </summary>
internal sealed class TlsContexts(StatRegistry registry, HandshakeLog failures, TimeProvider time)
{
    private readonly Dictionary<string, Dictionary<string, DownstreamTls>> _byListener = new(StringComparer.Ordinal);

    /// <summary>Keys of session tickets where none are configured.</summary>
    private readonly TicketKeys _tickets = new(time);

    /// <summary>TLS for each filter chain of a listener in the order of <see cref="ListenerConfig.AllFilterChains"/>; null for plain text.</summary>
    /// <exception cref="Tls.OpenSsl.TlsException">The library refuses something.</exception>
    public DownstreamTls?[] Of(ListenerConfig listener, string statPrefix)
    {
        var known = _byListener.GetValueOrDefault(listener.Name);
        var next = new Dictionary<string, DownstreamTls>(StringComparer.Ordinal);
        var stats = default(TlsStats);
        var made = listener.AllFilterChains.Select((chain, index) =>
        {
            if (chain.Tls is null)
            {
                return null;
            }

            var name = chain.Name.Length > 0 ? chain.Name : $"#{index}";
            stats ??= new TlsStats(registry, $"listener.{statPrefix}.");
            var tls = known?.GetValueOrDefault(name) is { } kept && kept.Config == chain.Tls
                ? kept
                : new DownstreamTls(
                    chain.Tls.SecretsAreMissing ? null : new ServerTlsContext(chain.Tls, $"{listener.Name}\n{name}", _tickets, time),
                    chain.Tls, stats, failures, $"listener \"{listener.Name}\", filter chain \"{name}\"")
                {
                    SecretsNotReady = registry.Counter($"listener.{statPrefix}.server_ssl_socket_factory.downstream_context_secrets_not_ready"),
                };
            next[name] = tls;
            return tls;
        }).ToArray();
        _byListener[listener.Name] = next;
        return made;
    }

    /// <summary>The listener is closed.</summary>
    public void Forget(string listener) => _byListener.Remove(listener);
}
