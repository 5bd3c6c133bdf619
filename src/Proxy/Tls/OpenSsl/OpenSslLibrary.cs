using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>TLS is asked for and cannot be had, or what it was given to work with is refused by the library.</summary>
public sealed class TlsException(string message) : IOException(message);

/// <summary>Finds libssl and libcrypto when TLS is first needed: a proxy without TLS runs on a machine that has neither.</summary>
internal static unsafe class OpenSslLibrary
{
    private const nuint MajorThree = 0x30000000;
    private const nuint MajorFour = 0x40000000;

    private static readonly Lazy<string?> Problem = new(FindProblem);

    /// <summary>The library's own description of itself, such as "OpenSSL 3.0.19 27 Jan 2026".</summary>
    public static string Version => Marshal.PtrToStringUTF8((nint)LibCrypto.Version(0)) ?? "";

    /// <summary>Version as in <c>OPENSSL_VERSION_NUMBER</c>: 0xMNN00PP0.</summary>
    public static nuint VersionNumber => LibCrypto.VersionNumber();

    /// <summary>Throws where the libraries are not there or not of version 3.</summary>
    /// <exception cref="TlsException">It says what to install.</exception>
    public static void Require()
    {
        if (Problem.Value is { } problem)
        {
            throw new TlsException(problem);
        }
    }

    private static string? FindProblem()
    {
        foreach (var name in (ReadOnlySpan<string>)[LibCrypto.Name, LibSsl.Name])
        {
            if (!NativeLibrary.TryLoad(name, typeof(OpenSslLibrary).Assembly, searchPath: null, out _))
            {
                return $"TLS needs OpenSSL 3, and {name} cannot be loaded: install the package libssl3 (Debian, Ubuntu), openssl-libs (Fedora) or libssl3 (Alpine)";
            }
        }

        return VersionNumber is >= MajorThree and < MajorFour ? null : $"TLS needs OpenSSL 3.0 or newer of the third line, found {Version}: install libssl3";
    }
}
