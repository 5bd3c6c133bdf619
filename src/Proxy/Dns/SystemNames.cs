using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>What this machine knows and says of names: /etc/hosts, /etc/resolv.conf and its own domain. Thread-safe.</summary>
/// <param name="time">Clock.</param>
/// <param name="hostName">The machine's name, which tells its domain.</param>
/// <param name="hostsPath">Path of the hosts file.</param>
/// <param name="resolvConfPath">Path of the resolver's configuration.</param>
internal sealed class SystemNames(TimeProvider time, string hostName, string hostsPath = "/etc/hosts", string resolvConfPath = "/etc/resolv.conf")
{
    private readonly FollowedFile<HostsFile> _hosts = new(hostsPath, HostsFile.Parse, HostsFile.Empty, time);
    private readonly FollowedFile<ResolvConf> _conf = new(resolvConfPath, ResolvConf.Parse, ResolvConf.Empty, time);

    /// <summary>The hosts file as it is now.</summary>
    public HostsFile Hosts => _hosts.Value;

    /// <summary>The resolver's configuration as it is now.</summary>
    public ResolvConf Conf => _conf.Value;

    /// <summary>The domain of this machine, the search list of a configuration that has none (resolv.conf(5)); empty without one.</summary>
    public ImmutableArray<string> OwnDomain { get; } = hostName.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && DnsName.Parse(hostName[(dot + 1)..]) is { } domain
        ? [domain]
        : [];
}
