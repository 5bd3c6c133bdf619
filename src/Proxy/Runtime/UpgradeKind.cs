namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What an exchange turns its two connections into, if the upstream agrees.</summary>
internal enum UpgradeKind : byte
{
    /// <summary>Nothing: an ordinary request.</summary>
    None,

    /// <summary>The protocol that the Upgrade header names (RFC 9110 §7.8); agreed with 101.</summary>
    Protocol,

    /// <summary>A tunnel that the upstream opens: CONNECT is forwarded, and agreed with any 2xx (RFC 9110 §9.3.6).</summary>
    Connect,

    /// <summary>A tunnel that ends here: the upstream sees the bare bytes.</summary>
    ConnectHere,
}

/// <summary>What an upstream's answer says of an upgrade.</summary>
internal static class UpgradeAgreement
{
    /// <summary>True where this status agrees to what was asked for: the connections become a tunnel.</summary>
    public static bool IsAgreedBy(this UpgradeKind upgrade, int status) =>
        upgrade == UpgradeKind.Protocol ? status == 101 : upgrade == UpgradeKind.Connect && status is >= 200 and < 300;
}
