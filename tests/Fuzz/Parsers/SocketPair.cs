using System.Runtime.InteropServices;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Two ends of a stream without a network: what is sent on one is read from the other.</summary>
internal sealed partial class SocketPair : IDisposable
{
    private const int AfUnix = 1;
    private const int StreamNonBlocking = 1 | 0x800 | 0x80000;

    private readonly int _far;

    public SocketPair()
    {
        var ends = new int[2];
        if (Create(AfUnix, StreamNonBlocking, 0, ends) < 0)
        {
            throw new InvalidOperationException($"socketpair failed with errno {Marshal.GetLastPInvokeError()}.");
        }

        (Near, _far) = (ends[0], ends[1]);
    }

    /// <summary>The descriptor for the connection under test, which closes it.</summary>
    public int Near { get; }

    /// <summary>What the near end has sent; 0 where nothing waits.</summary>
    public int Read(Span<byte> buffer)
    {
        var count = (int)Read(_far, ref MemoryMarshal.GetReference(buffer), buffer.Length);
        return Math.Max(0, count);
    }

    public void Dispose() => _ = Close(_far);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int Create(int family, int type, int protocol, [Out, MarshalAs(UnmanagedType.LPArray, SizeConst = 2)] int[] ends);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, ref byte buffer, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
