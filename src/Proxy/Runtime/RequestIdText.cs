using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Writes random UUIDs as text.</summary>
internal static class RequestIdText
{
    /// <summary>Fills 36 bytes.</summary>
    public static void Write(Span<byte> text, WorkerRandom random) => UuidText.Write(text, random.Next(), random.Next());
}
