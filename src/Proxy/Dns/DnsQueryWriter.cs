using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Writes queries.</summary>
internal static class DnsQueryWriter
{
    /// <summary>Longest query: header, name, type and class, and an OPT record.</summary>
    public const int MaxLength = 12 + DnsName.MaxWireLength + 4 + OptLength;

    /// <summary>The class of the Internet, the only one in use.</summary>
    public const ushort ClassIn = 1;

    private const int OptLength = 11;
    private const ushort RecursionDesired = 0x0100;

    /// <summary>Writes a query for a recursive server.</summary>
    /// <param name="to">Room for <see cref="MaxLength"/> bytes.</param>
    /// <param name="id">Number that the answer has to repeat.</param>
    /// <param name="question">What is asked.</param>
    /// <param name="payloadSize">Longest answer over UDP, told by EDNS (RFC 6891 section 6.1.2); 0 for a query without EDNS, whose answer has 512 bytes at most.</param>
    /// <returns>Its length.</returns>
    public static int Write(Span<byte> to, ushort id, DnsQuestion question, int payloadSize)
    {
        to[..12].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(to, id);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], RecursionDesired);
        BinaryPrimitives.WriteUInt16BigEndian(to[4..], 1);
        BinaryPrimitives.WriteUInt16BigEndian(to[10..], (ushort)(payloadSize > 0 ? 1 : 0));
        var at = 12 + DnsName.Write(question.Name, to[12..]);
        BinaryPrimitives.WriteUInt16BigEndian(to[at..], (ushort)question.Type);
        BinaryPrimitives.WriteUInt16BigEndian(to[(at + 2)..], ClassIn);
        at += 4;
        if (payloadSize == 0)
        {
            return at;
        }

        // The root as owner, OPT, the size in place of a class, then no flags and no options.
        var opt = to.Slice(at, OptLength);
        opt.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], (ushort)DnsRecordType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], (ushort)payloadSize);
        return at + OptLength;
    }
}
