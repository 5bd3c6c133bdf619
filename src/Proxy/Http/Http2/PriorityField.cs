namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>The value of the priority field and of PRIORITY_UPDATE frames (RFC 9218 section 4): a structured dictionary of which two members matter.</summary>
internal static class PriorityField
{
    /// <summary>Urgency of what says nothing.</summary>
    public const int DefaultUrgency = 3;

    /// <summary>Number of urgencies: 0 goes first.</summary>
    public const int Levels = 8;

    /// <summary>Reads a value; what is no such member, or has a value out of range, is passed over (RFC 9218 section 4).</summary>
    /// <param name="value">The value.</param>
    /// <returns>Urgency, and whether the response is of use piece by piece.</returns>
    public static (int Urgency, bool IsIncremental) Read(ReadOnlySpan<byte> value)
    {
        var urgency = DefaultUrgency;
        var isIncremental = false;
        while (!value.IsEmpty)
        {
            var comma = value.IndexOf((byte)',');
            var member = (comma < 0 ? value : value[..comma]).Trim(" \t"u8);
            value = comma < 0 ? default : value[(comma + 1)..];
            var parameters = member.IndexOf((byte)';');
            member = parameters < 0 ? member : member[..parameters].TrimEnd(" \t"u8);
            if (member.Length == 3 && member.StartsWith("u="u8) && member[2] is >= (byte)'0' and <= (byte)'7')
            {
                urgency = member[2] - '0';
            }
            else if (member.SequenceEqual("i"u8) || member.SequenceEqual("i=?1"u8))
            {
                isIncremental = true;
            }
            else if (member.SequenceEqual("i=?0"u8))
            {
                isIncremental = false;
            }
        }

        return (urgency, isIncremental);
    }
}
