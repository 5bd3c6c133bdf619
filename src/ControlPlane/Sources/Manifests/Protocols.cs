namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads the transport protocol of a port.</summary>
internal static class Protocols
{
    /// <summary>TCP when the field is missing.</summary>
    public static string Bind(FieldReader port) =>
        port.Text("protocol", text => text is "TCP" or "UDP" or "SCTP" ? null : "must be TCP, UDP or SCTP") ?? "TCP";
}
