using System.Buffers.Text;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>What the process has and may have of memory.</summary>
internal static class ProcessMemory
{
    /// <summary>Resident memory in bytes, as the kernel counts it against a limit.</summary>
    public static long Resident()
    {
        // proc(5), statm: size, resident, ... in pages.
        Span<byte> text = stackalloc byte[128];
        using var file = File.OpenHandle("/proc/self/statm");
        text = text[..RandomAccess.Read(file, text, 0)];
        text = text[(text.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(text, out long pages, out _) ? pages * Environment.SystemPageSize : 0;
    }

    /// <summary>What the control group grants, or else the machine.</summary>
    public static long Granted() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
}
