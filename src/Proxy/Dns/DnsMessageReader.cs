using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>
/// Reads responses. Every length is checked against the bytes that are there, nothing may follow the last record, and a record's data must be as long
/// as it says: a message that is wrong anywhere is not used at all.
/// </summary>
internal ref struct DnsMessageReader
{
    /// <summary>Longest message (RFC 1035 section 4.2.2).</summary>
    public const int MaxLength = 65_535;

    private const int HeaderLength = 12;
    private const int IsResponse = 0x8000;
    private const int OpcodeBits = 0x7800;
    private const int IsTruncated = 0x0200;
    private const int CodeBits = 0x000F;

    private readonly ReadOnlySpan<byte> _message;
    private int _at;
    private int? _extendedCode;

    private DnsMessageReader(ReadOnlySpan<byte> message)
    {
        _message = message;
        _at = HeaderLength;
    }

    /// <summary>Reads a response to a standard query; null for anything else.</summary>
    public static DnsMessage? Read(ReadOnlySpan<byte> message)
    {
        if (message.Length is < HeaderLength or > MaxLength)
        {
            return null;
        }

        var flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]);
        if ((flags & IsResponse) == 0 || (flags & OpcodeBits) != 0 || questions > 1)
        {
            return null;
        }

        var reader = new DnsMessageReader(message);
        DnsQuestion? question = null;
        if (questions == 1 && !reader.TryReadQuestion(out question))
        {
            return null;
        }

        var result = new DnsMessage
        {
            Id = BinaryPrimitives.ReadUInt16BigEndian(message),
            IsTruncated = (flags & IsTruncated) != 0,
            Code = (DnsResponseCode)(flags & CodeBits),
            Question = question,
        };

        // Where it was cut, the last record may be cut too.
        return result.IsTruncated ? result : reader.ReadSections(result);
    }

    private DnsMessage? ReadSections(DnsMessage message)
    {
        if (ReadRecords(_message[6..], isAdditional: false) is not { } answers
            || ReadRecords(_message[8..], isAdditional: false) is not { } authorities
            || ReadRecords(_message[10..], isAdditional: true) is null
            || _at != _message.Length)
        {
            return null;
        }

        // RFC 6891 section 6.1.3: the upper eight bits.
        return message with { Answers = answers, Authorities = authorities, Code = (DnsResponseCode)(((_extendedCode ?? 0) << 4) | (int)message.Code) };
    }

    private bool TryReadQuestion(out DnsQuestion? question)
    {
        question = null;
        if (!DnsName.TryRead(_message, ref _at, out var name) || _message.Length - _at < 4
            || BinaryPrimitives.ReadUInt16BigEndian(_message[(_at + 2)..]) != DnsQueryWriter.ClassIn)
        {
            return false;
        }

        question = new DnsQuestion(name, (DnsRecordType)BinaryPrimitives.ReadUInt16BigEndian(_message[_at..]));
        _at += 4;
        return true;
    }

    private ImmutableArray<DnsRecord>? ReadRecords(ReadOnlySpan<byte> count, bool isAdditional)
    {
        var records = ImmutableArray.CreateBuilder<DnsRecord>();
        for (var left = BinaryPrimitives.ReadUInt16BigEndian(count); left > 0; left--)
        {
            if (!TryReadRecord(isAdditional, out var record))
            {
                return null;
            }

            if (record is not null)
            {
                records.Add(record);
            }
        }

        return records.DrainToImmutable();
    }

    /// <summary>Reads a record; null for one of a type or class that is not used.</summary>
    private bool TryReadRecord(bool isAdditional, out DnsRecord? record)
    {
        record = null;
        if (!DnsName.TryRead(_message, ref _at, out var name) || _message.Length - _at < 10)
        {
            return false;
        }

        var fields = _message.Slice(_at, 10);
        var type = (DnsRecordType)BinaryPrimitives.ReadUInt16BigEndian(fields);
        var recordClass = BinaryPrimitives.ReadUInt16BigEndian(fields[2..]);
        var ttl = BinaryPrimitives.ReadUInt32BigEndian(fields[4..]);
        var start = _at + 10;
        var end = start + BinaryPrimitives.ReadUInt16BigEndian(fields[8..]);
        _at = end;
        if (end > _message.Length)
        {
            return false;
        }

        if (type == DnsRecordType.Opt)
        {
            // RFC 6891 section 6.1.1: one at most, in this section, with the root as owner.
            var isGood = isAdditional && name.Length == 0 && _extendedCode is null;
            _extendedCode = (int)(ttl >> 24);
            return isGood;
        }

        // RFC 2181 section 8: a time with its highest bit set is zero.
        return recordClass != DnsQueryWriter.ClassIn || TryReadData(name, type, ttl > int.MaxValue ? 0 : ttl, start, end, out record);
    }

    private readonly bool TryReadData(string name, DnsRecordType type, uint ttl, int start, int end, out DnsRecord? record)
    {
        var data = _message[start..end];
        record = null;
        switch (type)
        {
            case DnsRecordType.A when data.Length == 4:
            case DnsRecordType.Aaaa when data.Length == 16:
                record = new AddressRecord(name, type, ttl, new IPAddress(data));
                return true;
            case DnsRecordType.A or DnsRecordType.Aaaa:
                return false;
            case DnsRecordType.Cname when TryReadName(ref start, end, out var alias) && start == end:
                record = new AliasRecord(name, ttl, alias);
                return true;
            case DnsRecordType.Soa when TryReadName(ref start, end, out _) && TryReadName(ref start, end, out _) && end - start == 20:
                record = new ZoneRecord(name, ttl, BinaryPrimitives.ReadUInt32BigEndian(_message[(end - 4)..]));
                return true;
            case DnsRecordType.Srv when ReadService(name, ttl, start, end) is { } service:
                record = service;
                return true;
            case DnsRecordType.Cname or DnsRecordType.Soa or DnsRecordType.Srv:
                return false;
            default:
                return true;
        }
    }

    private readonly ServiceRecord? ReadService(string name, uint ttl, int start, int end)
    {
        var at = start + 6;
        return TryReadName(ref at, end, out var target) && at == end
            ? new ServiceRecord(
                name, ttl, BinaryPrimitives.ReadUInt16BigEndian(_message[start..]), BinaryPrimitives.ReadUInt16BigEndian(_message[(start + 2)..]),
                BinaryPrimitives.ReadUInt16BigEndian(_message[(start + 4)..]), target)
            : null;
    }

    /// <summary>Reads a name within a record's data; pointers may lead out of it, to before.</summary>
    private readonly bool TryReadName(ref int at, int end, out string name)
    {
        name = "";
        return at < end && DnsName.TryRead(_message[..end], ref at, out name);
    }
}
