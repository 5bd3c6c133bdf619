using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// Makes of a request's field block the head that HTTP/1.1 would have (RFC 9113 section 8.3.1): <c>:authority</c> becomes <c>host</c>, crumbs of cookies are joined
/// (section 8.2.3), extended CONNECT becomes an upgrade (RFC 8441), and a body without length is said to be chunked. The same parser as for HTTP/1.1 judges it then.
/// </summary>
internal ref struct RequestComposer : IHpackFields
{
    /// <summary>Crumbs that are joined to one cookie; more of them are too much (docs/hardening.md).</summary>
    private const int MaxCrumbs = 256;

    /// <summary>Bytes of a cookie that comes in crumbs.</summary>
    private const int MaxCookieBytes = 16 * 1024;

    private readonly Span<byte> _staging;
    private ComposedFields _fields;
    private int _staged;
    private Range _method;
    private Range _path;
    private Range _authority;
    private Range _scheme;
    private Range _protocol;
    private Range _host;
    private Range _cookie;
    private uint _seen;
    private bool _isStarted;
    private bool _hasCookie;
    private bool _isCookieSecret;
    private bool _hasHost;
    private bool _hasHostField;
    private int _crumbs;
    private bool _hasLength;

    /// <summary>Composes into memory.</summary>
    /// <param name="memory">Where the head goes.</param>
    /// <param name="staging">Where what is needed later is kept meanwhile.</param>
    /// <param name="limit">Longest head.</param>
    public RequestComposer(Span<byte> memory, Span<byte> staging, int limit)
    {
        _fields = new ComposedFields(memory, limit);
        _staging = staging;
    }

    /// <summary>True where the request is an extended CONNECT, which was made an upgrade.</summary>
    public readonly bool IsExtendedConnect => Has(PseudoHeader.Protocol);

    /// <summary>True where the client says that it speaks https.</summary>
    public readonly bool IsHttps => _staging[_scheme].SequenceEqual("https"u8);

    /// <summary>The value of the priority field that came last; empty for none.</summary>
    public ReadOnlySpan<byte> Priority => _staging[PriorityRange];

    private Range PriorityRange { get; set; }

    /// <summary>Ends the head. <see cref="ComposedFields.Written"/> is whole then.</summary>
    /// <param name="hasBody">True where payload may follow.</param>
    /// <param name="head">The head; empty where it is refused.</param>
    public FieldsVerdict Finish(bool hasBody, out ReadOnlySpan<byte> head)
    {
        head = default;
        if (_fields.Verdict == FieldsVerdict.Good && (_isStarted || Start()))
        {
            var isGood = (!_hasCookie || (_fields.Append("cookie"u8) && _fields.Append(_isCookieSecret ? ComposedFields.NeverIndexed : ": "u8) && _fields.Append(_staging[_cookie]) && _fields.Append("\r\n"u8)))
                && (!hasBody || _hasLength || IsConnect || _fields.Append("transfer-encoding: chunked\r\n"u8))
                && _fields.Append("\r\n"u8);
            head = isGood ? _fields.Written : default;
        }

        return _fields.Verdict;
    }

    /// <inheritdoc/>
    public bool OnField(scoped HpackField field)
    {
        if (field.Pseudo != PseudoHeader.None)
        {
            return OnPseudo(field);
        }

        if (!_isStarted && !Start())
        {
            return false;
        }

        switch (field.Id)
        {
            case KnownHeader.Host:
                return TakeHost(field);
            case KnownHeader.ContentLength:
                if (IsConnect && !field.Value.SequenceEqual("0"u8))
                {
                    // RFC 9110 section 9.3.6: CONNECT has no content. By HTTP/1.1 a backend would take the beginning of the tunnel, or of the next request, for it.
                    return _fields.Refuse();
                }

                _hasLength = true;
                break;
            case KnownHeader.Other when field.Name.SequenceEqual("cookie"u8):
                return TakeCrumb(field);
            case KnownHeader.Other when field.Name.SequenceEqual("priority"u8):
                if (!Stage(field.Value, out var priority))
                {
                    return false;
                }

                PriorityRange = priority;
                break;
        }

        return _fields.Append(field);
    }

    private readonly bool IsConnect => _staging[_method].SequenceEqual("CONNECT"u8);

    private readonly bool Has(PseudoHeader pseudo) => (_seen & (1u << (int)pseudo)) != 0;

    private bool OnPseudo(scoped HpackField field)
    {
        // Section 8.3: before all regular fields, each once, and none that is not defined for requests. What they hold is judged with the start line.
        if (_isStarted || Has(field.Pseudo) || field.Pseudo is PseudoHeader.Status or PseudoHeader.Unknown
            || (!field.IsChecked && (!FieldSyntax.IsValue(field.Value) || field.Value.Contains((byte)' '))))
        {
            return _fields.Refuse();
        }

        _seen |= 1u << (int)field.Pseudo;
        if (!Stage(field.Value, out var range))
        {
            return false;
        }

        switch (field.Pseudo)
        {
            case PseudoHeader.Method:
                _method = range;
                break;
            case PseudoHeader.Path:
                _path = range;
                break;
            case PseudoHeader.Authority:
                _authority = range;
                break;
            case PseudoHeader.Scheme:
                _scheme = range;
                break;
            default:
                _protocol = range;
                break;
        }

        return true;
    }

    /// <summary>All pseudo-header fields are there: writes what HTTP/1.1 has in front.</summary>
    private bool Start()
    {
        _isStarted = true;
        // An authority in the path as well, as HTTP/1.1 has it, would stand in the place of that which was said.
        var hasPath = Has(PseudoHeader.Path) && _staging[_path] is [(byte)'/' or (byte)'*', ..];
        var isGood = Has(PseudoHeader.Method) && FieldIsToken(_staging[_method])
            && (IsConnect && !IsExtendedConnect
                ? !Has(PseudoHeader.Path) && !Has(PseudoHeader.Scheme) && Has(PseudoHeader.Authority)
                : hasPath && Has(PseudoHeader.Scheme) && IsScheme(_staging[_scheme]) && (!IsExtendedConnect || (IsConnect && Has(PseudoHeader.Authority))));
        if (!isGood)
        {
            return _fields.Refuse();
        }

        if (IsExtendedConnect)
        {
            return _fields.Append("GET "u8) && _fields.Append(_staging[_path]) && _fields.Append(" HTTP/1.1\r\nconnection: upgrade\r\nupgrade: "u8)
                && _fields.Append(_staging[_protocol]) && _fields.Append("\r\n"u8) && StartHost();
        }

        return _fields.Append(_staging[_method]) && _fields.Append(" "u8) && _fields.Append(_staging[IsConnect ? _authority : _path])
            && _fields.Append(" HTTP/1.1\r\n"u8) && StartHost();
    }

    private bool StartHost()
    {
        if (!Has(PseudoHeader.Authority))
        {
            return true;
        }

        _hasHost = true;
        _host = _authority;
        return _fields.Append("host: "u8) && _fields.Append(_staging[_authority]) && _fields.Append("\r\n"u8);
    }

    /// <summary>A Host field that says something else than <c>:authority</c> makes the request malformed (section 8.3.1); one that says the same says nothing.</summary>
    private bool TakeHost(scoped HpackField field)
    {
        // Nor may there be two of them (RFC 9112 section 3.2), even where they say the same.
        if (_hasHostField || (_hasHost && !field.Value.SequenceEqual(_staging[_host])))
        {
            return _fields.Refuse();
        }

        _hasHostField = true;
        if (_hasHost)
        {
            return true;
        }

        _hasHost = true;
        if (!Stage(field.Value, out var range))
        {
            return false;
        }

        _host = range;
        return _fields.Append(field);
    }

    private bool TakeCrumb(scoped HpackField field)
    {
        if (!field.IsChecked && !FieldSyntax.IsValue(field.Value))
        {
            return _fields.Refuse();
        }

        if (++_crumbs > MaxCrumbs || (_hasCookie ? _cookie.End.Value - _cookie.Start.Value : 0) + field.Value.Length > MaxCookieBytes)
        {
            return _fields.Overflow();
        }

        var start = _hasCookie ? _cookie.Start.Value : _staged;
        if (_hasCookie && _cookie.End.Value != _staged)
        {
            // Something else was kept behind the crumbs before: they move behind it.
            if (!Stage(_staging[_cookie], out var moved))
            {
                return false;
            }

            start = moved.Start.Value;
        }

        if (_hasCookie && !Stage("; "u8, out _))
        {
            return false;
        }

        _hasCookie = true;
        _isCookieSecret |= field.IsNeverIndexed;
        if (!Stage(field.Value, out _))
        {
            return false;
        }

        _cookie = start.._staged;
        return true;
    }

    private bool Stage(scoped ReadOnlySpan<byte> value, out Range range)
    {
        range = default;
        if (_staging.Length - _staged < value.Length)
        {
            // Longer than any head may be.
            return _fields.Overflow();
        }

        value.CopyTo(_staging[_staged..]);
        range = _staged..(_staged + value.Length);
        _staged += value.Length;
        return true;
    }

    private static bool FieldIsToken(ReadOnlySpan<byte> method) => !method.IsEmpty && method.IndexOfAnyExcept(Http1.Grammar.TokenBytes) < 0;

    private static bool IsScheme(ReadOnlySpan<byte> scheme) => scheme.SequenceEqual("https"u8) || scheme.SequenceEqual("http"u8);
}
