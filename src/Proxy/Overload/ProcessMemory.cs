using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>What the process has and may have of memory.</summary>
internal static class ProcessMemory
{
    // Open for good: when descriptors have run out it is wanted most, and could not be opened.
    private static readonly SafeFileHandle Statm = File.OpenHandle("/proc/self/statm");

    /// <summary>Resident memory in bytes, as the kernel counts it against a limit.</summary>
    public static long Resident()
    {
        // proc(5), statm: size, resident, ... in pages.
        Span<byte> text = stackalloc byte[128];
        text = text[..RandomAccess.Read(Statm, text, 0)];
        text = text[(text.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(text, out long pages, out _) ? pages * Environment.SystemPageSize : 0;
    }

    /// <summary>What the control group grants, or else the machine.</summary>
    public static long Granted() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
}
