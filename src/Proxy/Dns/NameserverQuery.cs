using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Asks a question of the configured servers, one after the other, until one answers it.</summary>
internal sealed class NameserverQuery(DnsQueryOptions options, SystemNames system, TimeProvider time)
{
    private static readonly ImmutableArray<IPEndPoint> OfThisMachine = [new(IPAddress.Loopback, DnsQueryOptions.DefaultPort)];

    private readonly NameserverClient _client = new(time);
    private readonly NameserverOrder _order = new(time);

    /// <summary>A message that answers, be it that there is no such name; null where no server gave one, with the last reason.</summary>
    public async Task<NameserverReply> AskAsync(DnsQuestion question, CancellationToken cancellation)
    {
        var conf = system.Conf;
        var servers = _order.Arrange(Servers(conf), options.Rotate || conf.Rotate).ToList();
        var timeout = options.Timeout ?? conf.Timeout ?? DnsQueryOptions.DefaultTimeout;
        var useTcp = options.UseTcp || conf.UseTcp;
        var reply = new NameserverReply(null, "there is no server to ask");
        for (var tries = options.Tries ?? conf.Attempts ?? DnsQueryOptions.DefaultTries; tries > 0 && servers.Count > 0; tries--)
        {
            foreach (var server in servers.ToArray())
            {
                reply = await AskAsync(server, question, useTcp, timeout, cancellation);
                _order.Note(server, reply.Message is not null);
                switch (reply.Message?.Code)
                {
                    case DnsResponseCode.NoError or DnsResponseCode.NameError:
                        return reply;
                    case { } code:
                        // It would say the same again.
                        servers.Remove(server);
                        reply = new NameserverReply(null, $"{server} answered {TextOf(code)}");
                        break;
                }
            }
        }

        return reply;
    }

    private async Task<NameserverReply> AskAsync(IPEndPoint server, DnsQuestion question, bool useTcp, TimeSpan timeout, CancellationToken cancellation)
    {
        var reply = await _client.AskAsync(server, question, options.PayloadSize, useTcp, timeout, cancellation);

        // RFC 6891 section 7: a server that does not know EDNS is asked without.
        return reply.Message?.Code is DnsResponseCode.FormatError or DnsResponseCode.NotImplemented
            ? await _client.AskAsync(server, question, payloadSize: 0, useTcp, timeout, cancellation)
            : reply;
    }

    private ImmutableArray<IPEndPoint> Servers(ResolvConf conf)
    {
        if (!options.Servers.IsEmpty && !(options.UseServersAsFallback && !conf.Servers.IsEmpty))
        {
            return options.Servers;
        }

        return conf.Servers.IsEmpty ? OfThisMachine : conf.Servers;
    }

    private static string TextOf(DnsResponseCode code) => code switch
    {
        DnsResponseCode.FormatError => "FORMERR",
        DnsResponseCode.ServerFailure => "SERVFAIL",
        DnsResponseCode.NotImplemented => "NOTIMP",
        DnsResponseCode.Refused => "REFUSED",
        _ => $"with the code {(int)code}",
    };
}
