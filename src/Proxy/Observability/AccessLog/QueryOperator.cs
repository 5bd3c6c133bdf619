using System.Buffers;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// <c>%QUERY_PARAM(X):Z%</c>, the first value of a query parameter, percent-decoded; <c>%QUERY_PARAMS(X):Z%</c>, the query as it is
/// (ORIG) or percent-decoded (DECODED). Of <c>:path</c>, as in Envoy.
/// </summary>
internal sealed class QueryOperator : AccessLogOperator
{
    private const int StackBytes = 512;

    private readonly byte[]? _name;
    private readonly bool _decode;
    private readonly int _maxLength;

    private QueryOperator(byte[]? name, bool decode, int maxLength)
    {
        _name = name;
        _decode = decode;
        _maxLength = maxLength;
    }

    internal override AccessLogNeeds Needs => AccessLogNeeds.RequestHead;

    internal static QueryOperator One(AccessLogCommand command) => string.IsNullOrEmpty(command.Argument)
        ? throw command.Wrong("needs a query parameter's name; write %QUERY_PARAM(NAME)%")
        : new QueryOperator(Encoding.UTF8.GetBytes(command.Argument), decode: true, command.MaxLength ?? int.MaxValue);

    internal static QueryOperator All(AccessLogCommand command) => command.Argument is null or "" or "ORIG" or "DECODED"
        ? new QueryOperator(null, command.Argument == "DECODED", command.MaxLength ?? int.MaxValue)
        : throw command.Wrong("the argument can only be ORIG or DECODED");

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        source.TryGetRequestHeader(":path"u8, out var path);
        var question = path.IndexOf((byte)'?');
        if (question < 0)
        {
            return false;
        }

        var query = path[(question + 1)..];
        if (_name is null && !_decode)
        {
            sink.Value(query, _maxLength);
            return true;
        }

        byte[]? rented = null;
        var buffer = query.Length <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(query.Length);
        var found = true;
        if (_name is null)
        {
            sink.Value(buffer[..Decode(query, buffer)], _maxLength);
        }
        else if (TryFind(query, buffer, out var length))
        {
            sink.Value(buffer[..length], _maxLength);
        }
        else
        {
            found = false;
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return found;
    }

    private bool TryFind(ReadOnlySpan<byte> query, Span<byte> buffer, out int length)
    {
        while (!query.IsEmpty)
        {
            var end = query.IndexOf((byte)'&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            var nameLength = Decode(equals < 0 ? pair : pair[..equals], buffer);
            if (buffer[..nameLength].SequenceEqual(_name))
            {
                length = Decode(equals < 0 ? default : pair[(equals + 1)..], buffer);
                return true;
            }
        }

        length = 0;
        return false;
    }

    // RFC 3986 §2.1; a percent sign that begins no octet stays.
    private static int Decode(ReadOnlySpan<byte> text, Span<byte> buffer)
    {
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == (byte)'%' && i + 2 < text.Length && char.IsAsciiHexDigit((char)text[i + 1]) && char.IsAsciiHexDigit((char)text[i + 2]))
            {
                buffer[length++] = (byte)((HexValue(text[i + 1]) << 4) | HexValue(text[i + 2]));
                i += 2;
            }
            else
            {
                buffer[length++] = text[i];
            }
        }

        return length;
    }

    private static int HexValue(byte digit) => digit <= (byte)'9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
