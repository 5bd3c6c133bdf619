namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>Which part of <c>address:port</c> is shown.</summary>
internal enum AddressPart
{
    Whole,
    WithoutPort,
    Port,
}

/// <summary>
/// An address and port, or a part of it. IPv6 addresses come in brackets and lose them without the port, as in Envoy. What is no address
/// with port, such as a host name, is its own whole.
/// </summary>
internal sealed class AddressOperator(BytesOf read, AddressPart part, AccessLogNeeds needs = AccessLogNeeds.None) : AccessLogOperator
{
    internal override bool IsNumber => part == AddressPart.Port;

    internal override AccessLogNeeds Needs => needs;

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var value = Part(read(source), part);
        sink.Value(value);
        return !value.IsEmpty;
    }

    internal static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> address, AddressPart part)
    {
        // The path of a Unix domain socket, or its abstract name.
        if (address is [(byte)'/' or (byte)'@', ..])
        {
            return part == AddressPart.Port ? default : address;
        }

        var colon = address.LastIndexOf((byte)':');
        var hasPort = colon >= 0 && colon + 1 < address.Length && !address[(colon + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9')
            && (address[0] == (byte)'[' ? address[colon - 1] == (byte)']' : address.IndexOf((byte)':') == colon);
        return part switch
        {
            AddressPart.Port => hasPort ? address[(colon + 1)..] : default,
            AddressPart.WithoutPort when hasPort => address[..colon].TrimStart((byte)'[').TrimEnd((byte)']'),
            _ => address,
        };
    }
}

/// <summary>An address without port, cut to its first bits: <c>10.1.0.0/16</c>. None where the address has fewer bits.</summary>
internal sealed class MaskedAddressOperator(BytesOf read, int prefixLength, AccessLogNeeds needs = AccessLogNeeds.None) : AccessLogOperator
{
    internal override AccessLogNeeds Needs => needs;

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        Span<byte> text = stackalloc byte[IpPrefixText.MaxLength];
        if (!IpPrefixText.TryFormat(AddressOperator.Part(read(source), AddressPart.WithoutPort), prefixLength, text, out var written))
        {
            return false;
        }

        sink.Raw(text[..written]);
        return true;
    }
}
