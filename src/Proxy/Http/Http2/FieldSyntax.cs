using System.Buffers;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>What names and values of fields may consist of in HTTP/2 (RFC 9113 section 8.2.1).</summary>
internal static class FieldSyntax
{
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>True for a token in lower case. Stricter than section 8.2.1 asks for, as strict as section 5.1 of RFC 9110.</summary>
    public static bool IsName(ReadOnlySpan<byte> name) => !name.IsEmpty && name.IndexOfAnyExcept(NameBytes) < 0;

    /// <summary>True for a text without control characters that neither begins nor ends with white space.</summary>
    public static bool IsValue(ReadOnlySpan<byte> value) =>
        value.IsEmpty || (Grammar.IsText(value) && value[0] is not ((byte)' ' or (byte)'\t') && value[^1] is not ((byte)' ' or (byte)'\t'));
}
