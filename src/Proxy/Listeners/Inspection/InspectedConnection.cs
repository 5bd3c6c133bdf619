namespace KubeProxyNet.Proxy.Listeners.Inspection;

/// <summary>What the listener filters found.</summary>
internal sealed class InspectedConnection
{
    /// <summary>True where the client speaks TLS.</summary>
    public bool IsTls { get; set; }

    /// <summary>The name that a TLS client asks for, in lower case; empty for none.</summary>
    public byte[] ServerName { get; set; } = [];

    /// <summary>What the client offers or speaks: names with a byte of length before each (RFC 7301 §3.1); empty for nothing.</summary>
    public byte[] ApplicationProtocols { get; set; } = [];
}

/// <summary>What a listener filter says after a look at the bytes that are there.</summary>
internal enum InspectionVerdict : byte
{
    /// <summary>The next filter may look.</summary>
    Continue,

    /// <summary>Wait for more bytes.</summary>
    NeedMore,

    /// <summary>The connection is to be closed.</summary>
    Close,
}
