using System.Collections.Immutable;
using System.Text;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>Whether one kind of upgrade is served: Envoy's <c>UpgradeConfig</c> of a connection manager or a route.</summary>
/// <param name="Type">Value of the Upgrade header, in any case; "CONNECT" for requests of that method.</param>
/// <param name="Enabled">True to serve it. A route's word goes before its connection manager's.</param>
/// <param name="TerminatesConnect">Routes only, for CONNECT: true to end it here and pass on the bare bytes; false to send CONNECT upstream.</param>
public sealed record UpgradeConfig(string Type, bool Enabled = true, bool TerminatesConnect = false);

/// <summary>The upgrades of a connection manager or a route, ready for look-up. Immutable.</summary>
internal sealed class UpgradeTable
{
    public static readonly UpgradeTable None = new([]);

    private readonly (byte[] Type, UpgradeConfig Config)[] _entries;

    public UpgradeTable(ImmutableArray<UpgradeConfig> configs) =>
        _entries = [.. configs.Select(static config => (Encoding.ASCII.GetBytes(config.Type), config))];

    /// <summary>What is said of a kind of upgrade; null where nothing.</summary>
    public UpgradeConfig? Find(ReadOnlySpan<byte> type)
    {
        foreach (var (name, config) in _entries)
        {
            if (System.Text.Ascii.EqualsIgnoreCase(name, type))
            {
                return config;
            }
        }

        return null;
    }
}
