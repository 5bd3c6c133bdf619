using System.ComponentModel;
using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// A file opened with O_APPEND, so that a rotation that truncates it and other writers are harmless (<see cref="FileStream"/> keeps an
/// offset of its own). <c>/dev/stdout</c> and <c>/dev/stderr</c> are the process's own descriptors: opening those paths fails where they
/// are sockets.
/// </summary>
internal sealed partial class AppendOnlyFile : IDisposable
{
    private const int WriteOnly = 0x1;
    private const int Create = 0x40;
    private const int Append = 0x400;
    private const int CloseOnExec = 0x80000;
    private const int ErrorInterrupted = 4;
    private const int ErrorAgain = 11;
    private const short PollOut = 4;

    private readonly bool _owned;
    private int _descriptor;

    private AppendOnlyFile(int descriptor, bool owned)
    {
        _descriptor = descriptor;
        _owned = owned;
    }

    /// <summary>Opens or creates the file, for reading by all (less the umask).</summary>
    /// <exception cref="IOException">The path cannot be opened for writing; the message says why.</exception>
    internal static AppendOnlyFile Open(string path)
    {
        if (path is "/dev/stdout" or "/dev/stderr")
        {
            return new AppendOnlyFile(path == "/dev/stdout" ? 1 : 2, owned: false);
        }

        var descriptor = NativeOpen(path, WriteOnly | Create | Append | CloseOnExec, 0x1A4);
        if (descriptor < 0)
        {
            var reason = new Win32Exception(Marshal.GetLastPInvokeError()).Message;
            throw new IOException($"cannot open the access log {path} for writing: {reason}; check that its folder exists and is writable");
        }

        return new AppendOnlyFile(descriptor, owned: true);
    }

    /// <summary>Writes everything, waiting as long as the reader of a pipe makes us wait. Returns null, or why it failed.</summary>
    internal unsafe string? Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            for (nint offset = 0; offset < bytes.Length;)
            {
                var written = NativeWrite(_descriptor, start + offset, bytes.Length - offset);
                if (written >= 0)
                {
                    offset += written;
                    continue;
                }

                var error = Marshal.GetLastPInvokeError();
                if (error == ErrorAgain)
                {
                    var poll = new PollDescriptor { Descriptor = _descriptor, Events = PollOut };
                    _ = NativePoll(&poll, 1, 1000);
                }
                else if (error != ErrorInterrupted)
                {
                    return new Win32Exception(error).Message;
                }
            }
        }

        return null;
    }

    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (_owned && descriptor >= 0)
        {
            _ = NativeClose(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NativeOpen(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial nint NativeWrite(int descriptor, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int NativePoll(PollDescriptor* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NativeClose(int descriptor);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }
}
