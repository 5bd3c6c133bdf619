using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Tls.OpenSsl;

/// <summary>The library's queue of errors, one a thread. It is empty between calls: whoever finds a call failed takes what is in it.</summary>
internal static unsafe class OpenSslErrors
{
    /// <summary>Takes everything; the reasons in words, the first that happened first. Empty where the library gave none.</summary>
    public static string Take()
    {
        var text = "";
        while (LibCrypto.GetError() is var error and not 0)
        {
            var reason = Marshal.PtrToStringUTF8((nint)LibCrypto.ErrorReason(error)) ?? $"error {error:x}";
            text = text.Length == 0 ? reason : text.Contains(reason, StringComparison.Ordinal) ? text : $"{text}; {reason}";
        }

        return text;
    }
}
