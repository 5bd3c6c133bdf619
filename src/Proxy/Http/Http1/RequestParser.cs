namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>Reads request heads (RFC 9112 §3).</summary>
internal sealed class RequestParser(RequestHead head) : HeadParser
{
    /// <summary>Longest method, in bytes. The longest registered one has 17 (UPDATEREDIRECTREF).</summary>
    public const int MaxMethodBytes = 32;

    private BodyFraming _framing;
    private int _methodLength;

    /// <summary>How the body is framed, once the head is done.</summary>
    public BodyFraming Framing => _framing;

    /// <summary>True where the client asked to end the connection after this exchange, or speaks HTTP/1.0 without keep-alive (RFC 9112 §9.3).</summary>
    public bool WantsClose { get; private set; }

    /// <summary>True where the client waits for 100 (RFC 9110 §10.1.1).</summary>
    public bool ExpectsContinue { get; private set; }

    /// <summary>True where Connection lists "upgrade" and Upgrade names something other than h2c, which a server may ignore (RFC 9110 §7.8).</summary>
    public bool WantsUpgrade { get; private set; }

    /// <summary>True where Connection lists a name other than close, keep-alive and upgrade.</summary>
    public bool NominatesFields { get; private set; }

    /// <inheritdoc/>
    protected override MessageHead Head => head;

    /// <inheritdoc/>
    protected override Http1Error JudgeStart(ReadOnlySpan<byte> line)
    {
        // Whatever speaks another protocol (TLS begins with 0x16) has no method of token characters and a space.
        var method = line[..Math.Min(line.Length, MaxMethodBytes + 1)];
        var end = method.IndexOfAnyExcept(Grammar.TokenBytes);
        _methodLength = end;
        var isGood = end < 0 ? line.Length <= MaxMethodBytes
            : (end > 0 && method[end] == ' ') || (method[end] == '\r' && end == line.Length - 1);
        return isGood ? Http1Error.None : Http1Error.BadStartLine;
    }

    /// <inheritdoc/>
    protected override Http1Error ParseStartLine(byte[] storage, int start, int end)
    {
        const int VersionLength = 8;
        var line = storage.AsSpan(start, end - start);
        var space = _methodLength;
        var lastSpace = line.Length - VersionLength - 1;
        if ((uint)space >= (uint)lastSpace - 1 || lastSpace <= 0 || line[space] != ' ' || line[lastSpace] != ' ')
        {
            return Http1Error.BadStartLine;
        }

        var version = line[(lastSpace + 1)..];
        if (!version.SequenceEqual("HTTP/1.1"u8))
        {
            if (!version.StartsWith("HTTP/"u8) || version[6] != '.' || version.Contains((byte)' '))
            {
                return Http1Error.BadStartLine;
            }

            if (version[5] != '1' || version[7] is not ((byte)'0' or (byte)'1'))
            {
                return Http1Error.BadVersion;
            }
        }

        head.MinorVersion = version[7] - '0';
        head.MethodSlice = new Slice(start, space);
        head.IsHead = head.Method.SequenceEqual("HEAD"u8);
        return ParseTarget(storage, start + space + 1, lastSpace - space - 1);
    }

    /// <inheritdoc/>
    protected override Http1Error Finish()
    {
        var error = FramingRules.Declared(head, out _framing);
        if (error != Http1Error.None)
        {
            return error;
        }

        ReadConnectionOptions();
        ExpectsContinue = head.MinorVersion == 1
            && head.TryGet(KnownHeader.Expect, out var expect)
            && Ascii.EqualsIgnoreCase(expect, "100-continue"u8);
        return CheckHost();
    }

    private Http1Error ParseTarget(byte[] storage, int offset, int length)
    {
        var target = storage.AsSpan(offset, length);
        if (!Grammar.IsTarget(storage, new Slice(offset, length), out var question))
        {
            return Http1Error.BadTarget;
        }

        head.AuthoritySlice = default;
        head.IsConnect = false;
        if (head.Method.SequenceEqual("CONNECT"u8))
        {
            // authority-form: no path
            head.AuthoritySlice = new Slice(offset, length);
            head.TargetSlice = head.PathSlice = head.QuerySlice = default;
            head.IsConnect = true;
            return IsHostAndPort(target) ? Http1Error.None : Http1Error.BadTarget;
        }

        if (target[0] == '/')
        {
            SetTarget(offset, length, question);
            return Http1Error.None;
        }

        if (target.SequenceEqual("*"u8))
        {
            SetTarget(offset, length, question);
            return head.Method.SequenceEqual("OPTIONS"u8) ? Http1Error.None : Http1Error.BadTarget;
        }

        return ParseAbsoluteForm(target, offset);
    }

    private static bool IsHostAndPort(ReadOnlySpan<byte> target)
    {
        var colon = target.LastIndexOf((byte)':');
        return colon > 0
            && Grammar.IsAuthority(target)
            && int.TryParse(target[(colon + 1)..], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= ushort.MaxValue;
    }

    private Http1Error ParseAbsoluteForm(Span<byte> target, int offset)
    {
        var schemeLength = System.Text.Ascii.EqualsIgnoreCase(target[..Math.Min(7, target.Length)], "http://"u8) ? 7
            : System.Text.Ascii.EqualsIgnoreCase(target[..Math.Min(8, target.Length)], "https://"u8) ? 8 : 0;
        if (schemeLength == 0)
        {
            return Http1Error.BadTarget;
        }

        var rest = target[schemeLength..];
        var authorityLength = rest.IndexOfAny((byte)'/', (byte)'?');
        if (authorityLength < 0)
        {
            authorityLength = rest.Length;
        }

        if (!Grammar.IsAuthority(rest[..authorityLength]))
        {
            return Http1Error.BadTarget;
        }

        head.IsHttpsTarget = schemeLength == 8;
        if (authorityLength < rest.Length && rest[authorityLength] == '/')
        {
            head.AuthoritySlice = new Slice(offset + schemeLength, authorityLength);
            SetTarget(offset + schemeLength + authorityLength, rest[authorityLength..]);
            return Http1Error.None;
        }

        // An empty path is "/" (RFC 9112 §3.2.1). The authority moves over the scheme's last slash, which makes room for it before the query.
        rest[..authorityLength].CopyTo(target[(schemeLength - 1)..]);
        rest[authorityLength - 1] = (byte)'/';
        head.AuthoritySlice = new Slice(offset + schemeLength - 1, authorityLength);
        SetTarget(offset + schemeLength + authorityLength - 1, rest[(authorityLength - 1)..]);
        return Http1Error.None;
    }

    private void SetTarget(int offset, ReadOnlySpan<byte> target) => SetTarget(offset, target.Length, target.IndexOf((byte)'?'));

    private void SetTarget(int offset, int length, int question)
    {
        head.TargetSlice = new Slice(offset, length);
        head.PathSlice = new Slice(offset, question < 0 ? length : question);
        head.QuerySlice = question < 0 ? new Slice(offset + length, 0) : new Slice(offset + question + 1, length - question - 1);
    }

    private void ReadConnectionOptions()
    {
        var close = head.MinorVersion == 0;
        var upgrade = false;
        NominatesFields = false;
        if (head.Has(KnownHeader.Connection))
        {
            foreach (ref readonly var field in head.Fields)
            {
                if (field.Id != KnownHeader.Connection)
                {
                    continue;
                }

                var list = head.Span(field.Value);
                while (Ascii.NextListElement(ref list, out var option))
                {
                    if (Ascii.EqualsIgnoreCase(option, "close"u8))
                    {
                        close = true;
                    }
                    else if (Ascii.EqualsIgnoreCase(option, "upgrade"u8))
                    {
                        upgrade = true;
                    }
                    else if (!Ascii.EqualsIgnoreCase(option, "keep-alive"u8))
                    {
                        NominatesFields = true;
                    }
                    else if (head.MinorVersion == 0)
                    {
                        close = false;
                    }
                }
            }
        }

        WantsClose = close;
        WantsUpgrade = upgrade && head.MinorVersion == 1 && head.TryGet(KnownHeader.Upgrade, out var protocol) && !Ascii.EqualsIgnoreCase(protocol, "h2c"u8);
    }

    private Http1Error CheckHost()
    {
        if (!head.Has(KnownHeader.Host))
        {
            return head.MinorVersion == 0 ? Http1Error.None : Http1Error.BadHost;
        }

        var host = head.ValueOf(KnownHeader.Host);
        if (head.Repeated.Contains(KnownHeader.Host) || !Grammar.IsAuthority(head.Bytes, host))
        {
            return Http1Error.BadHost;
        }

        // RFC 9112 §3.2.2: an absolute-form target replaces Host.
        if (head.AuthoritySlice.IsEmpty)
        {
            head.AuthoritySlice = host;
        }

        return head.AuthoritySlice.IsEmpty ? Http1Error.BadHost : Http1Error.None;
    }
}
