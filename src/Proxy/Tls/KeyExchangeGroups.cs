using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using KubeProxyNet.Proxy.Tls.OpenSsl;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>The groups that keys can be agreed on in (RFC 8446 section 4.2.7), by the names that Envoy and its library give them.</summary>
internal static unsafe class KeyExchangeGroups
{
    /// <summary>Those that can be configured, the hybrids with ML-KEM first.</summary>
    public static IReadOnlyList<string> All { get; } = ["X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "X25519", "P-256", "P-384", "P-521"];

    // One for each group of the library, and no more.
    private static readonly ConcurrentDictionary<nint, string> Names = new();

    /// <summary>The group of a session; empty before there is one.</summary>
    public static string Of(nint ssl)
    {
        var number = LibSsl.Control(ssl, LibSsl.ControlNegotiatedGroup, 0, null);
        return number == 0 ? "" : Names.TryGetValue(number, out var name) ? name : Names.GetOrAdd(number, Named(Marshal.PtrToStringUTF8((nint)LibSsl.GroupName(ssl, (int)number)) ?? ""));
    }

    private static string Named(string text) => text switch
    {
        "x25519" => "X25519",
        "secp256r1" => "P-256",
        "secp384r1" => "P-384",
        "secp521r1" => "P-521",
        _ => text,
    };
}
