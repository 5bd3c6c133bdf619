using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeProxyNet.Proxy.Tls.OpenSsl;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>The library's way to the socket: reads come from the connection, writes go to the worker's sealed output, from where they leave together.</summary>
internal static unsafe class TlsBio
{
    private static readonly nint Method = MakeMethod();

    /// <summary>A way to the socket of a connection; owned by what it is set into.</summary>
    public static nint Create(nint socket)
    {
        var bio = LibCrypto.BioNew(Method);
        LibCrypto.BioSetData(bio, socket);
        LibCrypto.BioSetInit(bio, 1);
        return bio;
    }

    private static nint MakeMethod()
    {
        nint method;
        fixed (byte* name = "kpn connection\0"u8)
        {
            method = LibCrypto.BioMethodNew(LibCrypto.BioNewIndex() | LibCrypto.BioTypeSourceSink, name);
        }

        _ = LibCrypto.BioMethodSetRead(method, &Read);
        _ = LibCrypto.BioMethodSetWrite(method, &Write);

        // For each record the library asks some ten times whether this and that is offered; that of a socket without a kernel's TLS says no in its own language, and yes to a flush.
        _ = LibCrypto.BioMethodSetControl(method, LibCrypto.BioMethodControl(LibCrypto.BioSocketMethod()));
        return method;
    }

    private static TlsSocket SocketOf(nint bio) => Unsafe.As<TlsSocket>(GCHandle.FromIntPtr(LibCrypto.BioGetData(bio)).Target!);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(nint bio, byte* buffer, int length)
    {
        LibCrypto.BioClearFlags(bio, LibCrypto.BioFlagsRetry);
        var count = SocketOf(bio).ReadSealed(new Span<byte>(buffer, length));
        if (count == Transport.Connection.WouldBlock)
        {
            LibCrypto.BioSetFlags(bio, LibCrypto.BioFlagRead | LibCrypto.BioFlagShouldRetry);
        }

        return Math.Max(count, Transport.Connection.WouldBlock);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(nint bio, byte* buffer, int length)
    {
        SocketOf(bio).WriteSealed(new ReadOnlySpan<byte>(buffer, length));
        return length;
    }
}
