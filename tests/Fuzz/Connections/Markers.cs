using System.Globalization;
using System.Text;
using KubeProxyNet.Fuzz.Generation;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>
/// Marks every client's bytes. A marker holds a number and a check of it that a mutation does not hit by chance: bytes that pass for
/// another client's marker did come from that client.
/// </summary>
internal sealed class Markers(ulong seed)
{
    private const int IdDigits = 8;
    private const int CheckDigits = 12;

    private static ReadOnlySpan<byte> Prefix => "zq"u8;

    /// <summary>The marker of a connection: lower-case letters and digits.</summary>
    public string Of(long id) => string.Create(CultureInfo.InvariantCulture, $"zq{(uint)id:x8}{Check((uint)id):x12}");

    /// <summary>The connections whose markers stand in the bytes, each once.</summary>
    public HashSet<long> In(ReadOnlySpan<byte> bytes)
    {
        var found = new HashSet<long>();
        for (var at = bytes.IndexOf(Prefix); at >= 0; at = bytes.IndexOf(Prefix))
        {
            bytes = bytes[(at + Prefix.Length)..];
            if (bytes.Length >= IdDigits + CheckDigits
                && uint.TryParse(bytes[..IdDigits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id)
                && ulong.TryParse(bytes.Slice(IdDigits, CheckDigits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var check)
                && check == Check(id))
            {
                found.Add(id);
            }
        }

        return found;
    }

    /// <inheritdoc cref="In(ReadOnlySpan{byte})"/>
    public HashSet<long> In(string latin1) => In(Encoding.Latin1.GetBytes(latin1));

    private ulong Check(uint id) => FuzzRandom.Of(seed ^ 0x6D61726B, id).NextLong() & 0xFFFF_FFFF_FFFF;
}
