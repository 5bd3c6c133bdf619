using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Tls.Inspection;

/// <summary>The extensions of a ClientHello that are read; all others, the reserved ones of RFC 8701 among them, are passed over.</summary>
internal ref struct ClientHelloExtensions
{
    private const ushort ServerNameType = 0;
    private const ushort ApplicationProtocolsType = 16;
    private const ushort SupportedVersionsType = 43;
    private const int MaxHostName = 255;
    private int _seen;

    public Span<byte> ServerName { get; private set; }

    public Span<byte> ApplicationProtocols { get; private set; }

    public Span<byte> SupportedVersions { get; private set; }

    /// <summary>Reads the extensions; false where one that is read breaks its rules or comes twice (RFC 8446 §4.2).</summary>
    public static bool TryRead(Span<byte> bytes, out ClientHelloExtensions found)
    {
        found = default;
        var reader = new VectorReader(bytes);
        while (!reader.IsEmpty)
        {
            if (!reader.TryTake(2, out var type) || !reader.TryTakeVector(2, out var content) || !found.TryTake(BinaryPrimitives.ReadUInt16BigEndian(type), content))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryTake(ushort type, Span<byte> content) => type switch
    {
        ServerNameType => IsFirst(1) && TryTakeServerName(content),
        ApplicationProtocolsType => IsFirst(2) && TryTakeApplicationProtocols(content),
        SupportedVersionsType => IsFirst(4) && TryTakeVersions(content),
        _ => true,
    };

    private bool IsFirst(int extension)
    {
        var isFirst = (_seen & extension) == 0;
        _seen |= extension;
        return isFirst;
    }

    // RFC 6066 §3: a list that in practice, and by what servers accept, has one name of the one type there is.
    private bool TryTakeServerName(Span<byte> content)
    {
        var reader = new VectorReader(content);
        if (!reader.TryTakeVector(2, out var list) || !reader.IsEmpty)
        {
            return false;
        }

        var names = new VectorReader(list);
        if (!names.TryTake(1, out var type) || type[0] != 0 || !names.TryTakeVector(2, out var name) || !names.IsEmpty || !IsHostName(name))
        {
            return false;
        }

        foreach (ref var letter in name)
        {
            letter = letter is >= (byte)'A' and <= (byte)'Z' ? (byte)(letter | 0x20) : letter;
        }

        ServerName = name;
        return true;
    }

    // RFC 7301 §3.1: neither an empty list nor an empty name.
    private bool TryTakeApplicationProtocols(Span<byte> content)
    {
        var reader = new VectorReader(content);
        if (!reader.TryTakeVector(2, out var list) || !reader.IsEmpty || list.IsEmpty)
        {
            return false;
        }

        var names = new VectorReader(list);
        while (!names.IsEmpty)
        {
            if (!names.TryTakeVector(1, out var name) || name.IsEmpty)
            {
                return false;
            }
        }

        ApplicationProtocols = list;
        return true;
    }

    private bool TryTakeVersions(Span<byte> content)
    {
        var reader = new VectorReader(content);
        if (!reader.TryTakeVector(1, out var versions) || !reader.IsEmpty || versions.IsEmpty || versions.Length % 2 != 0)
        {
            return false;
        }

        SupportedVersions = versions;
        return true;
    }

    /// <summary>Labels of letters, digits, hyphens and, as in practice, underscores, with dots between; at most one at the end.</summary>
    private static bool IsHostName(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || name.Length > MaxHostName)
        {
            return false;
        }

        var afterDot = true;
        foreach (var letter in name)
        {
            var isDot = letter == (byte)'.';
            if (isDot ? afterDot : !(char.IsAsciiLetterOrDigit((char)letter) || letter is (byte)'-' or (byte)'_'))
            {
                return false;
            }

            afterDot = isDot;
        }

        return true;
    }
}
