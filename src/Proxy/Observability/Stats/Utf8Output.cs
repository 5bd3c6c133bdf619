using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Writes text and numbers, invariant, as UTF-8.</summary>
internal readonly struct Utf8Output(IBufferWriter<byte> target)
{
    internal Utf8Output Text(ReadOnlySpan<char> text)
    {
        Encoding.UTF8.GetBytes(text, target);
        return this;
    }

    internal Utf8Output Ascii(ReadOnlySpan<byte> text)
    {
        target.Write(text);
        return this;
    }

    internal Utf8Output Number(long value)
    {
        var span = target.GetSpan(24);
        value.TryFormat(span, out var written, default, CultureInfo.InvariantCulture);
        target.Advance(written);
        return this;
    }

    internal void Line() => target.Write("\n"u8);
}
