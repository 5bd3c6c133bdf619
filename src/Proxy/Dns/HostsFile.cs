using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>What /etc/hosts says (hosts(5)): a name that stands there is not asked for anywhere else.</summary>
internal sealed class HostsFile
{
    /// <summary>No names.</summary>
    public static readonly HostsFile Empty = new(FrozenDictionary<string, ImmutableArray<IPAddress>>.Empty);

    private readonly FrozenDictionary<string, ImmutableArray<IPAddress>> _addresses;

    private HostsFile(FrozenDictionary<string, ImmutableArray<IPAddress>> addresses) => _addresses = addresses;

    /// <summary>Reads a file's text: an address and its names on each line, up to a <c>#</c>. Lines that cannot be read are passed over.</summary>
    public static HostsFile Parse(string text)
    {
        var addresses = new Dictionary<string, ImmutableArray<IPAddress>>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || !IPAddress.TryParse(words[0], out var address))
            {
                continue;
            }

            foreach (var name in words.Skip(1).Select(DnsName.Parse).OfType<string>())
            {
                var known = addresses.GetValueOrDefault(name, []);
                addresses[name] = known.Contains(address) ? known : known.Add(address);
            }
        }

        return new HostsFile(addresses.ToFrozenDictionary(StringComparer.Ordinal));
    }

    /// <summary>The addresses of both families; null where the file does not know the name.</summary>
    /// <param name="name">As <see cref="DnsName.Parse"/> writes it.</param>
    public ImmutableArray<IPAddress>? Find(string name) => _addresses.TryGetValue(name, out var addresses) ? addresses : null;
}
