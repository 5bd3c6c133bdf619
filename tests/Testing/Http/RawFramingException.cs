namespace KubeProxyNet.Testing.Http;

/// <summary>What is wrong with a message.</summary>
public enum FramingFault
{
    /// <summary>The bytes break the grammar of RFC 9112.</summary>
    Malformed,

    /// <summary>The connection ended in an orderly way inside a message.</summary>
    Truncated,

    /// <summary>The connection was reset inside a message.</summary>
    Reset,

    /// <summary>The connection ended before the first byte of a message.</summary>
    NoMessage,
}

/// <summary>A message that could not be read to its end.</summary>
public sealed class RawFramingException(FramingFault fault, string message, byte[] received) : Exception(message)
{
    public FramingFault Fault { get; } = fault;

    /// <summary>Every byte of the connection since the message's first one.</summary>
    public byte[] Received { get; } = received;

    /// <summary>The response whose head was whole, with as much of its body as came; null where the head was not.</summary>
    public RawResponse? Partial { get; init; }
}
