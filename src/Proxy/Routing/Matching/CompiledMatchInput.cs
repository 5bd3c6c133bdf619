using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>A <see cref="MatchInput"/> ready for traffic.</summary>
internal sealed class CompiledMatchInput
{
    private readonly CombinedField? _field;
    private readonly byte[] _parameter = [];

    public CompiledMatchInput(MatchInput source)
    {
        switch (source)
        {
            case HeaderInput header:
                _field = new CombinedField(header.Name);
                break;
            case QueryParameterInput query:
                _parameter = Encoding.UTF8.GetBytes(query.Name);
                break;
            default:
                throw new NotSupportedException($"input {source.GetType().Name}");
        }
    }

    /// <summary>The value; false where there is none. Where it is spread over several fields, they are to be joined: into room for <paramref name="joinedLength"/> bytes.</summary>
    public bool TryGet(RequestHead head, out ReadOnlySpan<byte> value, out int joinedLength)
    {
        joinedLength = 0;
        if (_field is null)
        {
            return CompiledQueryParameterMatcher.TryGetFirst(head.Query, _parameter, out value);
        }

        var count = _field.Find(head, out value);
        joinedLength = count > 1 ? _field.JoinedLength(head) : 0;
        return count > 0;
    }

    /// <summary>The value as an address; false where there is none. One that is spread over several fields is none.</summary>
    /// <param name="head">The request.</param>
    /// <param name="address">The address.</param>
    /// <param name="isMalformed">True where there is a value, but no address.</param>
    public bool TryGetAddress(RequestHead head, out IpAddress address, out bool isMalformed)
    {
        var isThere = TryGet(head, out var value, out var joinedLength) && (joinedLength > 0 || !value.IsEmpty);
        address = default;
        var isAddress = isThere && joinedLength == 0 && IpAddress.TryParse(value, out address);
        isMalformed = isThere && !isAddress;
        return isAddress;
    }

    /// <summary>Writes the value where it is spread over several fields; returns its length.</summary>
    public int Join(RequestHead head, Span<byte> joined) => _field!.Join(head, joined);
}
