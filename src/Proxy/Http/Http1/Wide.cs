using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// Bytes judged <see cref="Step"/> at a time, each answer a bit a byte. A step may begin anywhere in a storage that goes on for as long: bytes behind those that are meant are read
/// too, and the caller leaves their bits out.
/// </summary>
internal static class Wide
{
    /// <summary>Bytes of a step.</summary>
    public const int Step = 32;

    /// <summary>True where a step may begin at an offset of a storage, and the processor has vectors of that length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasStep(byte[] storage, int offset) => Vector256.IsHardwareAccelerated && storage.Length - offset >= Step;

    /// <summary>The bytes of a step; the caller has asked <see cref="HasStep"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> At(byte[] storage, int offset) =>
        Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(storage), (nuint)offset);

    /// <summary>The bytes from one to another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> IsIn(Vector256<byte> bytes, byte low, byte high)
    {
        var distance = bytes - Vector256.Create(low);
        return Vector256.Equals(Vector256.Min(distance, Vector256.Create((byte)(high - low))), distance);
    }

    /// <summary>Those that are one byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Is(Vector256<byte> bytes, byte wanted) => Vector256.Equals(bytes, Vector256.Create(wanted));

    /// <summary>The letters in either case; <paramref name="folded"/> are the bytes with the letters in lower case.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> IsLetter(Vector256<byte> bytes, out Vector256<byte> folded)
    {
        folded = bytes | Vector256.Create((byte)0x20);
        return IsIn(folded, (byte)'a', (byte)'z');
    }

    /// <summary>A bit for each of the first bytes.</summary>
    /// <param name="count">How many; at most <see cref="Step"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint First(int count) => (uint)((1UL << count) - 1);

    /// <summary>Number of bytes before the first whose bit is set; <see cref="Step"/> where none is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Before(uint bits) => BitOperations.TrailingZeroCount(bits);
}
