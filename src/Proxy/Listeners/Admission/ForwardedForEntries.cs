using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Listeners.Admission;

/// <summary>The entries of all <c>x-forwarded-for</c> fields, from the last to the first: the further back, the less they can be believed.</summary>
internal ref struct ForwardedForEntries(RequestHead head)
{
    private readonly RequestHead _head = head;
    private int _next = head.Has(KnownHeader.XForwardedFor) ? head.Fields.Length - 1 : -1;
    private ReadOnlySpan<byte> _rest;
    private bool _hasRest;

    /// <summary>Takes the next entry to the left, trimmed; false where there is none. Empty entries count.</summary>
    public bool TryTake(out ReadOnlySpan<byte> entry)
    {
        while (!_hasRest)
        {
            if (_next < 0)
            {
                entry = default;
                return false;
            }

            ref readonly var field = ref _head.Fields[_next--];
            _hasRest = field.Id == KnownHeader.XForwardedFor;
            _rest = _hasRest ? _head.Span(field.Value) : default;
        }

        var comma = _rest.LastIndexOf((byte)',');
        entry = _rest[(comma + 1)..].Trim(" \t"u8);
        _hasRest = comma >= 0;
        _rest = comma < 0 ? default : _rest[..comma];
        return true;
    }
}
