using System.Buffers;
using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Runtime.Grpc;

/// <summary>A call of a client that sees no trailers, and may know nothing of how gRPC frames messages (PROTOCOL-HTTP2, "Length-Prefixed-Message").</summary>
internal sealed class GrpcBridgeCall
{
    private const int PrefixLength = 5;
    private const int KeptBytes = 64 * 1024;

    private readonly byte[] _prefix = new byte[PrefixLength];
    private ArrayBufferWriter<byte> _first = new();
    private int _toStrip;

    /// <summary>True where the client sent a bare message, and is to get one.</summary>
    public bool IsUpgraded { get; private set; }

    /// <summary>True where <see cref="FirstBody"/> stands for what came of the body with the head.</summary>
    public bool HasFirstBody => _first.WrittenCount > 0;

    /// <summary>The request's body with its prefix, where all of it came with the head; empty otherwise.</summary>
    public ReadOnlySpan<byte> FirstBody => _first.WrittenSpan;

    /// <summary>The request is a bare message.</summary>
    public void Upgrade() => IsUpgraded = true;

    /// <summary>What stands before a message of that length that is not compressed; valid until the next call.</summary>
    public ReadOnlySpan<byte> PrefixOf(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(_prefix.AsSpan(1), length);
        return _prefix;
    }

    /// <summary>Keeps a whole message with its prefix.</summary>
    public void Frame(ReadOnlySpan<byte> message)
    {
        _first.ResetWrittenCount();
        _first.Write(PrefixOf(message.Length));
        _first.Write(message);
    }

    /// <summary>The request's body is not sent any more.</summary>
    public void DropBody() => _first.ResetWrittenCount();

    /// <summary>A response begins.</summary>
    public void BeginResponse() => _toStrip = IsUpgraded ? PrefixLength : 0;

    /// <summary>Takes the prefix off a response's body.</summary>
    public void Strip(ref ReadOnlySpan<byte> payload)
    {
        var count = Math.Min(_toStrip, payload.Length);
        _toStrip -= count;
        payload = payload[count..];
    }

    /// <summary>Forgets the call.</summary>
    public void End()
    {
        IsUpgraded = false;
        _first.ResetWrittenCount();
        if (_first.Capacity > KeptBytes)
        {
            _first = new ArrayBufferWriter<byte>();
        }
    }
}
