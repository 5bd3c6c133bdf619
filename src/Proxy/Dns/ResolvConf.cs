using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>What /etc/resolv.conf says (resolv.conf(5)). A line that cannot be read is passed over, as the C library does.</summary>
internal sealed record ResolvConf
{
    /// <summary>Without a file, or with an empty one: the server of this machine.</summary>
    public static readonly ResolvConf Empty = new();

    // The bounds of resolv.conf(5).
    private const int MaxServers = 3;
    private const int MaxDots = 15;
    private const int MaxTimeout = 30;
    private const int MaxAttempts = 5;

    /// <summary>Ours: the C library has no bound any more.</summary>
    private const int MaxSearchDomains = 32;

    /// <summary>The servers that are asked, port 53; none where the file names none.</summary>
    public ImmutableArray<IPEndPoint> Servers { get; init; } = [];

    /// <summary>Domains that a short name may lie in, in order; null where the file says nothing of them.</summary>
    public ImmutableArray<string>? Search { get; init; }

    /// <summary>A name with so many dots is looked for as it is first; 1 by default, at most 15.</summary>
    public int Dots { get; init; } = 1;

    /// <summary>How long a server has for an answer; null where the file does not say.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How often each server is asked; null where the file does not say.</summary>
    public int? Attempts { get; init; }

    /// <summary>Whether queries are spread over the servers.</summary>
    public bool Rotate { get; init; }

    /// <summary>Whether everything is asked over TCP.</summary>
    public bool UseTcp { get; init; }

    /// <summary>Reads a file's text.</summary>
    public static ResolvConf Parse(string text)
    {
        var conf = Empty;
        foreach (var line in text.Split('\n'))
        {
            // A comment begins in the first column.
            var words = line.StartsWith('#') || line.StartsWith(';') ? [] : line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2)
            {
                conf = conf.With(words[0], words[1..]);
            }
        }

        return conf;
    }

    private ResolvConf With(string keyword, string[] values) => keyword switch
    {
        "nameserver" when Servers.Length < MaxServers && IPAddress.TryParse(values[0], out var address) =>
            this with { Servers = Servers.Add(new IPEndPoint(address, DnsQueryOptions.DefaultPort)) },

        // Of several such lines the last holds.
        "domain" => this with { Search = Domains(values[..1]) },
        "search" => this with { Search = Domains(values) },
        "options" => values.Aggregate(this, static (conf, option) => conf.WithOption(option)),
        _ => this,
    };

    private ResolvConf WithOption(string option)
    {
        var colon = option.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? option : option[..colon];
        var hasNumber = int.TryParse(option.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        return name switch
        {
            "ndots" when hasNumber => this with { Dots = Math.Min(number, MaxDots) },
            "timeout" when hasNumber => this with { Timeout = TimeSpan.FromSeconds(Math.Clamp(number, 1, MaxTimeout)) },
            "attempts" when hasNumber => this with { Attempts = Math.Clamp(number, 1, MaxAttempts) },
            "rotate" => this with { Rotate = true },
            "use-vc" => this with { UseTcp = true },
            _ => this,
        };
    }

    /// <summary>The domains; a lone dot, which is the root, adds nothing to a name.</summary>
    private static ImmutableArray<string> Domains(string[] values) => [.. values.Select(DnsName.Parse).OfType<string>().Take(MaxSearchDomains)];
}
