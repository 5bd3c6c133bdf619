using System.Buffers;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The response's trailers, kept until the exchange is logged where a log shows them.</summary>
internal sealed partial class Exchange
{
    private readonly KeptHead<ResponseHead> _sentTrailers = new(new ResponseHead());
    private ArrayBufferWriter<byte>? _trailerLines;

    /// <summary>Trailers go to the client.</summary>
    public void NoteTrailers(MessageHead trailers)
    {
        if ((_state!.LogNeeds & AccessLogNeeds.ResponseTrailers) != AccessLogNeeds.ResponseTrailers)
        {
            return;
        }

        // Kept in the form of a head, whose first line nobody reads.
        var lines = _trailerLines ??= new ArrayBufferWriter<byte>();
        lines.ResetWrittenCount();
        lines.Write("HTTP/1.1 200\r\n"u8);
        foreach (ref readonly var field in trailers.Fields)
        {
            if (field.Id != KnownHeader.Withheld)
            {
                lines.Write(trailers.Span(field.Name));
                lines.Write(": "u8);
                lines.Write(trailers.Span(field.Value));
                lines.Write("\r\n"u8);
            }
        }

        lines.Write("\r\n"u8);
        _hasKeptHeads = true;
        _sentTrailers.Keep(lines.WrittenSpan);
    }

    bool IAccessLogSource.TryGetResponseTrailer(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        if (_sentTrailers.IsKept)
        {
            return _sentTrailers.Head.TryGet(name, out value);
        }

        value = default;
        return false;
    }
}
