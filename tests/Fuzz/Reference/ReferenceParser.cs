using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KubeProxyNet.Fuzz.Reference;

/// <summary>
/// A second reader of HTTP/1.1, made to be compared with ours: slow, without state, each rule a regular expression next to the section that it
/// is copied from. It knows nothing of limits, and takes what RFC 9112 calls an error for one.
/// </summary>
internal static class ReferenceParser
{
    private const string Token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
    private const RegexOptions Options = RegexOptions.Compiled | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    // RFC 9112 §3. The target's bytes are those that ours passes: visible ones except "#".
    private static readonly Regex RequestLine = new($@"\A(?<method>{Token}) (?<target>[\x21\x22\x24-\x7E]+) HTTP/1\.(?<minor>[01])\z", Options, Limit);

    // RFC 9112 §4; "servers and clients should accept" a missing space before an empty reason is common practice.
    private static readonly Regex StatusLine = new(@"\AHTTP/1\.(?<minor>[01]) (?<status>[1-9][0-9]{2})( [\t\x20-\x7E\x80-\xFF]*)?\z", Options, Limit);

    // RFC 9112 §5 and RFC 9110 §5.5.
    private static readonly Regex FieldLine = new($@"\A(?<name>{Token}):(?<value>[\t\x20-\x7E\x80-\xFF]*)\z", Options, Limit);

    // RFC 9110 §7.2, RFC 3986 §3.2.2.
    private static readonly Regex Authority = new(@"\A(\[[0-9A-Za-z:.~%!$&'()*+,;=_\-]+\]|[0-9A-Za-z\-._~%!$&'()*+,;=]+)(:[0-9]*)?\z", Options, Limit);
    private static readonly Regex AbsoluteForm = new(@"\A(?i:https?)://(?<authority>[^/?]*)(?<rest>.*)\z", Options, Limit);

    private static readonly Regex EndsInPort = new(":[0-9]+\\z", Options, Limit);

    // RFC 9110 §8.6.
    private static readonly Regex Digits = new(@"\A[0-9]+\z", Options, Limit);

    // RFC 9112 §7.1 and §7.1.1.
    private static readonly Regex ChunkLine = new(
        $@"\A(?<size>[0-9A-Fa-f]+)([ \t]*;[ \t]*{Token}([ \t]*=[ \t]*({Token}|""([\t\x20\x21\x23-\x5B\x5D-\x7E\x80-\xFF]|\\[\t\x20-\x7E\x80-\xFF])*""))?)*\z", Options, Limit);

    /// <summary>Reads one request from the front.</summary>
    public static ReferenceMessage Request(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.Latin1.GetString(bytes);
        var message = new ReferenceMessage();
        var at = 0;
        while (string.CompareOrdinal(text, at, "\r\n", 0, 2) == 0)
        {
            at += 2;
        }

        if (TryReadHead(message, text, ref at, ReadRequestLine) && HasGoodHost(message))
        {
            message.HasHead = true;
            ReadBody(message, text, at, untilClose: false);
        }

        return message;
    }

    /// <summary>Reads one response from the front; <paramref name="ended"/> says that the connection ended behind the bytes.</summary>
    public static ReferenceMessage Response(ReadOnlySpan<byte> bytes, bool isHead, bool ended)
    {
        var text = Encoding.Latin1.GetString(bytes);
        var message = new ReferenceMessage();
        var at = 0;
        if (!TryReadHead(message, text, ref at, ReadStatusLine))
        {
            return message;
        }

        message.HasHead = true;
        if (isHead || message.Status is < 200 or 204 or 304)
        {
            End(message, at);
        }
        else
        {
            ReadBody(message, text, at, untilClose: !message.IsChunked && message.Length < 0);
            if (ended && !message.IsChunked && message.Length < 0)
            {
                End(message, text.Length);
            }
        }

        return message;
    }

    /// <summary>Reads a chunked body from the front.</summary>
    public static ReferenceMessage Chunks(ReadOnlySpan<byte> bytes)
    {
        var message = new ReferenceMessage { IsChunked = true };
        ReadChunks(message, Encoding.Latin1.GetString(bytes), 0);
        return message;
    }

    /// <summary>The path with query that a request asks for, as an origin server sees it (RFC 9112 §3.2), and the authority.</summary>
    public static (string Target, string Authority) Destination(ReferenceMessage request)
    {
        if (request.Method == "CONNECT")
        {
            return (request.Target, request.Target);
        }

        var absolute = AbsoluteForm.Match(request.Target);
        if (request.Target[0] != '/' && absolute.Success)
        {
            var rest = absolute.Groups["rest"].Value;
            return (rest.StartsWith('/') ? rest : "/" + rest, absolute.Groups["authority"].Value);
        }

        return (request.Target, request.ValuesOf("host").FirstOrDefault() ?? "");
    }

    private static bool TryReadHead(ReferenceMessage message, string text, ref int at, Func<ReferenceMessage, string, bool> readStart)
    {
        while (TryReadLine(message, text, ref at, out var line))
        {
            if (message.StartLine.Length == 0)
            {
                message.StartLine = line;
                if (!readStart(message, line))
                {
                    Refuse(message, "start line");
                    return false;
                }
            }
            else if (line.Length == 0)
            {
                return ReadFraming(message);
            }
            else if (!TryReadField(message, line))
            {
                return false;
            }
        }

        return false;
    }

    // RFC 9112 §2.2: a line ends in CR LF; neither stands alone.
    private static bool TryReadLine(ReferenceMessage message, string text, ref int at, out string line)
    {
        var end = text.IndexOf('\n', at);
        line = end < 0 ? "" : text[at..end];
        if (end < 0)
        {
            return false;
        }

        at = end + 1;
        if (!line.EndsWith('\r') || line.IndexOf('\r') != line.Length - 1)
        {
            Refuse(message, "line end");
            return false;
        }

        line = line[..^1];
        return true;
    }

    private static bool ReadRequestLine(ReferenceMessage message, string line)
    {
        var match = RequestLine.Match(line);
        message.Method = match.Groups["method"].Value;
        message.Target = match.Groups["target"].Value;
        message.MinorVersion = match.Groups["minor"].Value == "0" ? 0 : 1;
        return match.Success && IsGoodTarget(message);
    }

    private static bool IsGoodTarget(ReferenceMessage message) =>
        message.Method == "CONNECT" ? Authority.IsMatch(message.Target) && EndsInPort.IsMatch(message.Target)
        : message.Target[0] == '/'
        || (message.Target == "*" && message.Method == "OPTIONS")
        || (AbsoluteForm.Match(message.Target) is { Success: true } match && Authority.IsMatch(match.Groups["authority"].Value));

    private static bool ReadStatusLine(ReferenceMessage message, string line)
    {
        var match = StatusLine.Match(line);
        if (match.Success)
        {
            message.MinorVersion = match.Groups["minor"].Value == "0" ? 0 : 1;
            message.Status = int.Parse(match.Groups["status"].Value, CultureInfo.InvariantCulture);
        }

        return match.Success;
    }

    private static bool TryReadField(ReferenceMessage message, string line)
    {
        var match = FieldLine.Match(line);
        if (!match.Success)
        {
            Refuse(message, $"field line '{line}'");
            return false;
        }

        message.Fields.Add(new ReferenceField(LowerCase(match.Groups["name"].Value), match.Groups["value"].Value.Trim(' ', '\t')));
        return true;
    }

    // RFC 9112 §6.1 to §6.3.
    private static bool ReadFraming(ReferenceMessage message)
    {
        var lengths = message.ValuesOf("content-length").ToArray();
        var codings = message.ValuesOf("transfer-encoding").ToArray();
        if (codings.Length > 0)
        {
            message.IsChunked = codings.Length == 1 && lengths.Length == 0 && message.MinorVersion == 1 && LowerCase(codings[0]) == "chunked";
            return message.IsChunked || Refuse(message, "transfer-encoding");
        }

        if (lengths.Length == 0)
        {
            return true;
        }

        message.Length = lengths.Length == 1 && Digits.IsMatch(lengths[0]) && long.TryParse(lengths[0], CultureInfo.InvariantCulture, out var value) ? value : -1;
        return message.Length >= 0 || Refuse(message, "content-length");
    }

    // RFC 9112 §3.2.
    private static bool HasGoodHost(ReferenceMessage message)
    {
        var hosts = message.ValuesOf("host").ToArray();
        return (hosts.Length == 1 && Authority.IsMatch(hosts[0]))
            || (hosts.Length == 0 && message.MinorVersion == 0)
            || Refuse(message, "host");
    }

    private static void ReadBody(ReferenceMessage message, string text, int at, bool untilClose)
    {
        if (message.IsChunked)
        {
            ReadChunks(message, text, at);
            return;
        }

        var length = untilClose ? long.MaxValue : Math.Max(0, message.Length);
        message.Body = text.Substring(at, (int)Math.Min(length, text.Length - at));
        if (message.Body.Length == length)
        {
            End(message, at + message.Body.Length);
        }
    }

    private static void ReadChunks(ReferenceMessage message, string text, int at)
    {
        while (TryReadLine(message, text, ref at, out var line))
        {
            var match = ChunkLine.Match(line);
            var digits = match.Groups["size"].Value;
            if (!match.Success || digits.TrimStart('0').Length > 15)
            {
                Refuse(message, "chunk line");
                return;
            }

            var size = long.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            if (size == 0)
            {
                ReadTrailers(message, text, at);
                return;
            }

            var here = (int)Math.Min(size, text.Length - at);
            message.Body += text.Substring(at, here);
            at += here;
            if (here < size || text.Length - at < 2)
            {
                return;
            }

            if (string.CompareOrdinal(text, at, "\r\n", 0, 2) != 0)
            {
                Refuse(message, "chunk end");
                return;
            }

            at += 2;
        }
    }

    private static void ReadTrailers(ReferenceMessage message, string text, int at)
    {
        while (TryReadLine(message, text, ref at, out var line))
        {
            if (line.Length == 0)
            {
                End(message, at);
                return;
            }

            if (!FieldLine.IsMatch(line))
            {
                Refuse(message, "trailer");
                return;
            }
        }
    }

    private static void End(ReferenceMessage message, int at)
    {
        message.Reading = Reading.Complete;
        message.Consumed = at;
    }

    private static bool Refuse(ReferenceMessage message, string problem)
    {
        message.Reading = Reading.Malformed;
        message.Problem = problem;
        return false;
    }

    private static string LowerCase(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
        }
    });
}
