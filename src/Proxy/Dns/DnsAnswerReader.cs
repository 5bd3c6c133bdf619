using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Makes an answer of a message: follows aliases and says how long all of it may be believed.</summary>
internal static class DnsAnswerReader
{
    /// <summary>Aliases that are followed, in one message and over several; what is longer is a loop or a mistake.</summary>
    public const int MaxAliases = 16;

    /// <summary>How long an answer is kept at most, whatever it says (RFC 8767 section 4: a week).</summary>
    private static readonly TimeSpan LongestTtl = TimeSpan.FromDays(7);

    /// <summary>How long the absence of a name is believed at most (RFC 2308 section 5 says one to three hours; a name of a cluster may come sooner).</summary>
    private static readonly TimeSpan LongestAbsence = TimeSpan.FromMinutes(5);

    /// <summary>Reads an answer.</summary>
    /// <param name="message">A response to the question, with no error but that the name does not exist.</param>
    /// <param name="question">A question for addresses.</param>
    /// <param name="alias">A name that has to be asked for still, since aliases lead out of the message; null where the answer is whole.</param>
    /// <returns>The answer; where there is an alias, only its <see cref="DnsAnswer.Ttl"/> counts.</returns>
    public static DnsAnswer Read(DnsMessage message, DnsQuestion question, out string? alias)
    {
        alias = null;
        var name = question.Name;
        var ttl = LongestTtl;
        for (var followed = 0; AliasOf(message, name) is { } record; followed++)
        {
            if (followed == MaxAliases)
            {
                return DnsAnswer.Failure("its aliases have no end");
            }

            name = record.Target;
            ttl = Shorter(ttl, record.TtlSeconds);
        }

        ImmutableArray<ServiceRecord> services =
            [.. message.Answers.OfType<ServiceRecord>().Where(record => question.Type == DnsRecordType.Srv && string.Equals(record.Name, name, StringComparison.Ordinal))];
        if (!services.IsEmpty)
        {
            return ReadServices(services, Shorter(ttl, services.Min(static record => record.TtlSeconds)));
        }

        ImmutableArray<AddressRecord> found =
            [.. message.Answers.OfType<AddressRecord>().Where(record => record.Type == question.Type && string.Equals(record.Name, name, StringComparison.Ordinal))];
        if (!found.IsEmpty)
        {
            ImmutableArray<IPAddress> addresses = [.. found.Select(static record => record.Address).Distinct()];
            return new DnsAnswer { Status = DnsStatus.Found, Addresses = addresses, Ttl = Shorter(ttl, found.Min(static record => record.TtlSeconds)) };
        }

        // RFC 2308 section 2.2: an alias without data and without a zone says only where to go on.
        var zone = message.Authorities.OfType<ZoneRecord>().FirstOrDefault();
        if (message.Code == DnsResponseCode.NoError && zone is null && !string.Equals(name, question.Name, StringComparison.Ordinal))
        {
            alias = name;
            return new DnsAnswer { Status = DnsStatus.NoData, Ttl = ttl };
        }

        // RFC 2308 section 5: without a zone, nothing is kept.
        var absence = zone is null ? TimeSpan.Zero : Shorter(Shorter(LongestAbsence, zone.TtlSeconds), zone.MinimumSeconds);
        return DnsAnswer.Absence(message.Code == DnsResponseCode.NameError ? DnsStatus.NoSuchName : DnsStatus.NoData, absence < ttl ? absence : ttl);
    }

    /// <summary>RFC 2782: the root as the one target says that there is no such service.</summary>
    private static DnsAnswer ReadServices(ImmutableArray<ServiceRecord> services, TimeSpan ttl) => services is [{ Target: "" }]
        ? DnsAnswer.Absence(DnsStatus.NoData, LongestAbsence < ttl ? LongestAbsence : ttl)
        : new DnsAnswer { Status = DnsStatus.Found, Services = services, Ttl = ttl };

    private static AliasRecord? AliasOf(DnsMessage message, string name) =>
        message.Answers.OfType<AliasRecord>().FirstOrDefault(record => string.Equals(record.Name, name, StringComparison.Ordinal));

    private static TimeSpan Shorter(TimeSpan ttl, uint seconds) => TimeSpan.FromSeconds(seconds) is var other && other < ttl ? other : ttl;
}
