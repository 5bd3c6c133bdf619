using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Upstream.Grpc;

namespace KubeProxyNet.Proxy.Runtime.Grpc;

/// <summary>
/// A browser's call (gRPC, PROTOCOL-WEB): its body may be base64, and it gets the trailers as a last message behind the others. What is done to bytes is done
/// here, when and where is the filters' business.
/// </summary>
internal sealed class GrpcWebCall
{
    /// <summary>Most bytes of a body that become a message: of a response that is none of gRPC. Envoy's bound.</summary>
    public const int MaxMessage = 16 * 1024;

    private const byte TrailersFlag = 0x80;
    private const int PrefixLength = 5;
    private const int KeptBytes = 64 * 1024;

    private readonly byte[] _text = new byte[4];
    private readonly byte[] _rest = new byte[3];
    private ArrayBufferWriter<byte> _first = new();
    private ArrayBufferWriter<byte> _decoded = new();
    private ArrayBufferWriter<byte> _output = new();
    private int _textLength;
    private int _restLength;
    private GrpcFrameReader _frames;

    /// <summary>True where the request's body is base64.</summary>
    public bool IsTextRequest { get; private set; }

    /// <summary>True where the client wants the response's body in base64.</summary>
    public bool IsTextResponse { get; private set; }

    /// <summary>Where the call is counted; null where its cluster or method cannot be told.</summary>
    public GrpcMethodStats? Stats { get; set; }

    /// <summary>True where the response is none of gRPC, and is kept until all of it can be told in headers.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>Status of what is held.</summary>
    public int HeldStatus { get; private set; }

    /// <summary>The fields of what is held, as lines.</summary>
    public ArrayBufferWriter<byte> HeldLines { get; } = new();

    /// <summary>The body of what is held, its first bytes.</summary>
    public ArrayBufferWriter<byte> HeldBody { get; } = new();

    /// <summary>What came of the body with the request's head, decoded. Only for text.</summary>
    public ReadOnlySpan<byte> FirstBody => _first.WrittenSpan;

    /// <summary>The content type of the response.</summary>
    public ReadOnlySpan<byte> ContentType => IsTextResponse ? "application/grpc-web-text+proto"u8 : "application/grpc-web+proto"u8;

    /// <summary>Takes on a call.</summary>
    public void Begin(bool isTextRequest, bool isTextResponse)
    {
        IsTextRequest = isTextRequest;
        IsTextResponse = isTextResponse;
    }

    /// <summary>Decodes what came with the head; false where it is no base64.</summary>
    /// <param name="text">What came.</param>
    /// <param name="end">True where that is all.</param>
    public bool TryDecodeFirst(ReadOnlySpan<byte> text, bool end) => TryDecode(text, end, _first);

    /// <summary>Decodes more of the body; false where it is no base64, or ends inside four characters.</summary>
    /// <param name="text">What came.</param>
    /// <param name="end">True where that is all.</param>
    /// <param name="payload">What it stands for; valid until the next call.</param>
    public bool TryDecode(ReadOnlySpan<byte> text, bool end, out ReadOnlySpan<byte> payload)
    {
        _decoded.ResetWrittenCount();
        var isDecoded = TryDecode(text, end, _decoded);
        payload = _decoded.WrittenSpan;
        return isDecoded;
    }

    /// <summary>The next bytes of a response as the client gets them; valid until the next call.</summary>
    /// <param name="payload">Messages, in pieces of any size.</param>
    /// <param name="trailers">What comes behind them; null for nothing yet.</param>
    public ReadOnlySpan<byte> Encode(ReadOnlySpan<byte> payload, MessageHead? trailers)
    {
        if (trailers is null && !IsTextResponse)
        {
            return payload;
        }

        _output.ResetWrittenCount();
        while (!payload.IsEmpty)
        {
            // Each message ends its base64 with padding, so that the client can read it before the next one comes.
            var count = _frames.Read(payload, out var isEnd);
            Write(payload[..count], isEnd);
            payload = payload[count..];
        }

        if (trailers is not null)
        {
            WriteTrailers(trailers);
        }

        return _output.WrittenSpan;
    }

    /// <summary>Keeps a head that is none of gRPC.</summary>
    public void Hold(ResponseHead head)
    {
        IsHeld = true;
        HeldStatus = head.Status;
        var left = HeaderMask.NeverForwarded.With(HeaderMask.Of(KnownHeader.ContentType, KnownHeader.Date, KnownHeader.Server));
        foreach (ref readonly var field in head.Fields)
        {
            if (!left.Contains(field.Id))
            {
                WriteLine(HeldLines, head.Span(field.Name), ": "u8, head.Span(field.Value));
            }
        }
    }

    /// <summary>Keeps as much of the body behind it as a message may hold.</summary>
    public void HoldBody(ReadOnlySpan<byte> payload) => HeldBody.Write(payload[..Math.Min(payload.Length, MaxMessage - HeldBody.WrittenCount)]);

    /// <summary>Forgets the call.</summary>
    public void End()
    {
        Stats = null;
        IsTextRequest = IsTextResponse = IsHeld = false;
        _textLength = _restLength = 0;
        _frames = default;
        HeldLines.ResetWrittenCount();
        HeldBody.ResetWrittenCount();
        Forget(ref _first);
        Forget(ref _decoded);
        Forget(ref _output);
    }

    private static void Forget(ref ArrayBufferWriter<byte> writer)
    {
        writer.ResetWrittenCount();
        if (writer.Capacity > KeptBytes)
        {
            writer = new ArrayBufferWriter<byte>();
        }
    }

    private static void WriteLine(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> separator, ReadOnlySpan<byte> value)
    {
        output.Write(name);
        output.Write(separator);
        output.Write(value);
        output.Write("\r\n"u8);
    }

    private bool TryDecode(ReadOnlySpan<byte> text, bool end, ArrayBufferWriter<byte> output)
    {
        while (_textLength is > 0 and < 4 && !text.IsEmpty)
        {
            _text[_textLength++] = text[0];
            text = text[1..];
        }

        if (_textLength == 4)
        {
            _textLength = 0;
            if (!TryDecodeWhole(_text, output))
            {
                return false;
            }
        }

        var whole = text.Length & ~3;
        if (!TryDecodeWhole(text[..whole], output))
        {
            return false;
        }

        foreach (var character in text[whole..])
        {
            _text[_textLength++] = character;
        }

        return !end || _textLength == 0;
    }

    /// <summary>Decodes groups of four characters; padding may end any of them, since messages are encoded one by one.</summary>
    private static bool TryDecodeWhole(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
    {
        while (!text.IsEmpty)
        {
            var padding = text.IndexOf((byte)'=');
            var length = padding < 0 ? text.Length : (padding & ~3) + 4;
            var room = output.GetSpan(Base64.GetMaxDecodedFromUtf8Length(length));
            if (Base64.DecodeFromUtf8(text[..length], room, out var consumed, out var written) != OperationStatus.Done || consumed != length)
            {
                return false;
            }

            output.Advance(written);
            text = text[length..];
        }

        return true;
    }

    private void WriteTrailers(MessageHead trailers)
    {
        Write(default, isEnd: true);
        var length = 0;
        foreach (ref readonly var field in trailers.Fields)
        {
            length += field.Name.Length + field.Value.Length + ":\r\n".Length;
        }

        Span<byte> prefix = stackalloc byte[PrefixLength];
        prefix[0] = TrailersFlag;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], length);
        Write(prefix, isEnd: false);
        foreach (ref readonly var field in trailers.Fields)
        {
            Write(trailers.Span(field.Name), isEnd: false);
            Write(":"u8, isEnd: false);
            Write(trailers.Span(field.Value), isEnd: false);
            Write("\r\n"u8, isEnd: false);
        }

        Write(default, isEnd: true);
    }

    private void Write(ReadOnlySpan<byte> bytes, bool isEnd)
    {
        if (!IsTextResponse)
        {
            _output.Write(bytes);
            return;
        }

        while (_restLength is > 0 and < 3 && !bytes.IsEmpty)
        {
            _rest[_restLength++] = bytes[0];
            bytes = bytes[1..];
        }

        if (_restLength == 3)
        {
            WriteText(_rest);
            _restLength = 0;
        }

        var whole = bytes.Length - (bytes.Length % 3);
        WriteText(bytes[..whole]);
        foreach (var left in bytes[whole..])
        {
            _rest[_restLength++] = left;
        }

        if (isEnd)
        {
            WriteText(_rest.AsSpan(0, _restLength));
            _restLength = 0;
        }
    }

    private void WriteText(ReadOnlySpan<byte> bytes)
    {
        var room = _output.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length) + 1);
        Base64.EncodeToUtf8(bytes, room, out _, out var written);
        _output.Advance(written);
    }
}
