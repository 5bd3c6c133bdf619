using System.Buffers.Binary;
using System.Net;
using KubeProxyNet.Proxy.Dns;

namespace KubeProxyNet.Proxy.Tests.Dns;

/// <summary>Writes responses, byte for byte; the names of records are pointers to the question where they are the same.</summary>
internal static class DnsReplies
{
    public const int Response = 0x8180;
    public const int Truncated = 0x0200;

    public static byte[] Write(
        ushort id, DnsQuestion? question, int flags = Response, IEnumerable<DnsRecord>? answers = null, IEnumerable<DnsRecord>? authorities = null, bool hasEdns = false)
    {
        var message = new List<byte>();
        DnsRecord[] first = [.. answers ?? []];
        DnsRecord[] second = [.. authorities ?? []];
        foreach (var number in new[] { id, flags, question is null ? 0 : 1, first.Length, second.Length, hasEdns ? 1 : 0 })
        {
            Number(message, number, 2);
        }

        if (question is not null)
        {
            Name(message, question.Name);
            Number(message, (int)question.Type, 2);
            Number(message, 1, 2);
        }

        foreach (var record in first.Concat(second))
        {
            Record(message, record, question);
        }

        if (hasEdns)
        {
            message.AddRange([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        }

        return [.. message];
    }

    public static AddressRecord Address(string name, string address, uint ttl = 60)
    {
        var parsed = IPAddress.Parse(address);
        return new AddressRecord(name, parsed.GetAddressBytes().Length == 4 ? DnsRecordType.A : DnsRecordType.Aaaa, ttl, parsed);
    }

    public static AliasRecord Alias(string name, string target, uint ttl = 60) => new(name, ttl, target);

    public static ZoneRecord Zone(uint ttl, uint minimum) => new("test", ttl, minimum);

    public static void Number(List<byte> to, long value, int bytes)
    {
        for (var shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        {
            to.Add((byte)(value >> shift));
        }
    }

    public static void Name(List<byte> to, string name)
    {
        var buffer = new byte[DnsName.MaxWireLength];
        to.AddRange(buffer.AsSpan(0, DnsName.Write(name, buffer)));
    }

    /// <summary>Reads the question of a query, and whether it has EDNS; null where the bytes are no query.</summary>
    public static (ushort Id, DnsQuestion Question, int? PayloadSize)? ReadQuery(ReadOnlySpan<byte> query)
    {
        var at = 12;
        if (query.Length < 17 || !DnsName.TryRead(query, ref at, out var name))
        {
            return null;
        }

        var hasEdns = BinaryPrimitives.ReadUInt16BigEndian(query[10..]) == 1;
        return (
            BinaryPrimitives.ReadUInt16BigEndian(query),
            new DnsQuestion(name, (DnsRecordType)BinaryPrimitives.ReadUInt16BigEndian(query[at..])),
            hasEdns ? BinaryPrimitives.ReadUInt16BigEndian(query[(at + 7)..]) : null);
    }

    private static void Record(List<byte> to, DnsRecord record, DnsQuestion? question)
    {
        if (question?.Name == record.Name)
        {
            Number(to, 0xC00C, 2);
        }
        else
        {
            Name(to, record.Name);
        }

        Number(to, (int)record.Type, 2);
        Number(to, 1, 2);
        Number(to, record.TtlSeconds, 4);
        var data = new List<byte>();
        switch (record)
        {
            case AddressRecord address:
                data.AddRange(address.Address.GetAddressBytes());
                break;
            case AliasRecord alias:
                Name(data, alias.Target);
                break;
            case ZoneRecord zone:
                Name(data, "ns.test");
                Name(data, "hostmaster.test");
                data.AddRange(new byte[16]);
                Number(data, zone.MinimumSeconds, 4);
                break;
            case ServiceRecord service:
                Number(data, service.Priority, 2);
                Number(data, service.Weight, 2);
                Number(data, service.Port, 2);
                Name(data, service.Target);
                break;
        }

        Number(to, data.Count, 2);
        to.AddRange(data);
    }
}
