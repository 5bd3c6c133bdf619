using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Parses bytes that nobody vouches for.</summary>
internal static class WireParser
{
    /// <summary>Parses a message; false, with the reason, where the bytes are malformed.</summary>
    public static bool TryParse(MessageDescriptor type, ByteString bytes, [NotNullWhen(true)] out IMessage? message, [NotNullWhen(false)] out string? reason)
    {
        try
        {
            (message, reason) = (type.Parser.ParseFrom(bytes), null);
            return true;
        }
        catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidOperationException)
        {
            // Protobuf's parser throws the second one where a group ends that never began.
            (message, reason) = (null, $"is not a well-formed {type.FullName}: {fault.Message}");
            return false;
        }
    }
}
