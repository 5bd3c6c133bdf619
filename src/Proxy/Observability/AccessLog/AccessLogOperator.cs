using System.Buffers;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>One compiled command of a format, such as <c>%RESPONSE_CODE%</c>.</summary>
internal abstract class AccessLogOperator
{
    /// <summary>True where JSON shows the value without quotes.</summary>
    internal virtual bool IsNumber => false;

    /// <summary>Writes the value; false, with nothing written, where the request has none.</summary>
    internal abstract bool Write(IAccessLogSource source, ref FormatSink sink);
}

internal delegate ReadOnlySpan<byte> BytesOf(IAccessLogSource source);

/// <summary>A value that is bytes.</summary>
internal sealed class BytesOperator(BytesOf read) : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var value = read(source);
        sink.Value(value);
        return !value.IsEmpty;
    }
}

/// <summary>A value that is a whole number.</summary>
internal sealed class NumberOperator(Func<IAccessLogSource, long?> read) : AccessLogOperator
{
    internal override bool IsNumber => true;

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        if (read(source) is not { } value)
        {
            return false;
        }

        sink.Number(value);
        return true;
    }
}

/// <summary>A value that never changes; empty where this proxy never has one.</summary>
internal sealed class ConstantOperator(string value) : AccessLogOperator
{
    private readonly byte[] _value = Encoding.UTF8.GetBytes(value);

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        sink.Value(_value);
        return _value.Length > 0;
    }
}

/// <summary><c>%RESPONSE_FLAGS%</c> and its long form; <c>-</c> without flags, also in JSON, as Envoy.</summary>
internal sealed class FlagsOperator(bool longNames) : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        Span<byte> names = stackalloc byte[ResponseFlagNames.MaxLength];
        ResponseFlagNames.TryFormat(source.ResponseFlags, names, out var length, longNames);
        sink.Value(names[..length]);
        return true;
    }
}

/// <summary><c>%RESPONSE_CODE_DETAILS%</c>: white space becomes an underscore unless the argument is <c>ALLOW_WHITESPACES</c>.</summary>
internal sealed class CodeDetailsOperator(bool allowWhiteSpace) : AccessLogOperator
{
    private static readonly SearchValues<byte> WhiteSpace = SearchValues.Create(" \t\r\n\v\f"u8);

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var details = source.ResponseCodeDetails;
        if (allowWhiteSpace || details.IndexOfAny(WhiteSpace) < 0)
        {
            sink.Value(details);
            return !details.IsEmpty;
        }

        Span<byte> copy = stackalloc byte[256];
        details = details[..Math.Min(details.Length, copy.Length)];
        for (var i = 0; i < details.Length; i++)
        {
            copy[i] = details[i] is (byte)' ' or (>= (byte)'\t' and <= (byte)'\r') ? (byte)'_' : details[i];
        }

        sink.Value(copy[..details.Length]);
        return true;
    }
}

/// <summary>Which part of <c>address:port</c> is shown.</summary>
internal enum AddressPart
{
    Whole,
    WithoutPort,
    Port,
}

/// <summary>An address and port, or a part of it. IPv6 addresses come in brackets and lose them without the port, as in Envoy.</summary>
internal sealed class AddressOperator(BytesOf read, AddressPart part) : AccessLogOperator
{
    internal override bool IsNumber => part == AddressPart.Port;

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var address = read(source);
        var colon = address.LastIndexOf((byte)':');
        address = part switch
        {
            AddressPart.Port => colon < 0 || address[(colon + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9') ? default : address[(colon + 1)..],
            AddressPart.WithoutPort when colon >= 0 => address[..colon].TrimStart((byte)'[').TrimEnd((byte)']'),
            _ => address,
        };
        sink.Value(address);
        return !address.IsEmpty;
    }
}
