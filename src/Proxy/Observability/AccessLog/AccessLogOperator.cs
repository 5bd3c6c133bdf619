using System.Buffers;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>One compiled command of a format, such as <c>%RESPONSE_CODE%</c>.</summary>
internal abstract class AccessLogOperator
{
    /// <summary>True where JSON shows the value without quotes.</summary>
    internal virtual bool IsNumber => false;

    /// <summary>What must be kept for it.</summary>
    internal virtual AccessLogNeeds Needs => AccessLogNeeds.None;

    /// <summary>Writes the value; false, with nothing written, where the request has none.</summary>
    internal abstract bool Write(IAccessLogSource source, ref FormatSink sink);
}

internal delegate ReadOnlySpan<byte> BytesOf(IAccessLogSource source);

/// <summary>A value that is bytes.</summary>
/// <param name="read">Reads it.</param>
/// <param name="needs">What must be kept for it.</param>
/// <param name="mayBeEmpty">True where an empty value is one, and not the lack of one.</param>
internal sealed class BytesOperator(BytesOf read, AccessLogNeeds needs = AccessLogNeeds.None, bool mayBeEmpty = false) : AccessLogOperator
{
    internal override AccessLogNeeds Needs => needs;

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var value = read(source);
        sink.Value(value);
        return mayBeEmpty || !value.IsEmpty;
    }
}

/// <summary>A value that is a whole number.</summary>
internal sealed class NumberOperator(Func<IAccessLogSource, long?> read, AccessLogNeeds needs = AccessLogNeeds.None) : AccessLogOperator
{
    internal override bool IsNumber => true;

    internal override AccessLogNeeds Needs => needs;

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

/// <summary>A text that never changes; null where this proxy never has a value.</summary>
internal sealed class ConstantOperator(string? value, int maxLength = int.MaxValue) : AccessLogOperator
{
    private readonly byte[]? _value = value is null ? null : Encoding.UTF8.GetBytes(value);

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        sink.Value(_value, maxLength);
        return _value is not null;
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

/// <summary><c>%UNIQUE_ID%</c>: a random UUID (RFC 9562 §5.4), a new one for each place in each line.</summary>
internal sealed class UniqueIdOperator : AccessLogOperator
{
    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        Span<byte> text = stackalloc byte[36];
        UuidText.Write(text, source.NextRandom(), source.NextRandom());
        sink.Raw(text);
        return true;
    }
}
