using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>Hints to the processor's caches. They change nothing but time.</summary>
internal static unsafe class CacheLines
{
    private const int Size = 64;

    /// <summary>Asks for an object's first lines. The collector may move it meanwhile: then the hint is in vain.</summary>
    /// <param name="target">The object; null for none.</param>
    /// <param name="lines">So many of 64 bytes as its fields take; more would do no harm.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(object? target, int lines)
    {
        if (Sse.IsSupported)
        {
            var address = (byte*)Unsafe.As<object?, nint>(ref target);
            for (var i = 0; i < lines; i++)
            {
                Sse.Prefetch0(address + (i * Size));
            }
        }
    }
}
