using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing.Hashing;

/// <summary>The hash of a cookie, which a client that has none may be given (RFC 6265 §4.1.1).</summary>
internal sealed class CookieHash : CompiledHashPolicy
{
    // RFC 9110 §5.6.2.
    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

    private const int MaxEndpointText = 64;
    private const int ValueLength = 16;

    private readonly byte[] _name;

    // The set-cookie line up to the value and behind it; empty where clients are given none.
    private readonly byte[] _lineStart;
    private readonly byte[] _lineEnd;

    public CookieHash(CookieHashPolicy source, string path, CompilationScope scope)
        : base(source.IsTerminal)
    {
        CheckName(source.Name, $"{path}.name", scope);
        CheckText(source.Path, $"{path}.path", scope);
        for (var i = 0; i < source.Attributes.Length; i++)
        {
            CheckName(source.Attributes[i].Name, $"{path}.attributes[{i}].name", scope);
            CheckText(source.Attributes[i].Value, $"{path}.attributes[{i}].value", scope);
        }

        _name = Encoding.UTF8.GetBytes(source.Name);
        _lineStart = source.Ttl is null ? [] : Encoding.UTF8.GetBytes($"set-cookie: {source.Name}=\"");
        _lineEnd = source.Ttl is null ? [] : Encoding.UTF8.GetBytes(AttributesOf(source) + "\r\n");
    }

    public override bool TryHash(in HashSource source, out ulong hash)
    {
        if (RequestCookies.TryFind(source.Head, _name, out var value))
        {
            hash = XxHash64.HashToUInt64(value);
            return true;
        }

        if (_lineStart.Length == 0 || source.SetCookies is null)
        {
            hash = 0;
            return false;
        }

        // The same for all requests of a connection, so that those that race for their first cookie all get the same one (Envoy).
        Span<byte> given = stackalloc byte[ValueLength];
        Make(source, given);
        source.SetCookies.Write(_lineStart);
        source.SetCookies.Write(given);
        source.SetCookies.Write(_lineEnd);
        hash = XxHash64.HashToUInt64(given);
        return true;
    }

    private static void Make(in HashSource source, Span<byte> value)
    {
        Span<byte> ends = stackalloc byte[2 * MaxEndpointText];
        source.Peer.CopyTo(ends);
        source.Local.CopyTo(ends[source.Peer.Length..]);
        Utf8Formatter.TryFormat(XxHash64.HashToUInt64(ends[..(source.Peer.Length + source.Local.Length)]), value, out _, new StandardFormat('x', ValueLength));
    }

    /// <summary>What stands behind the value of a cookie that is given: its quote, and the attributes.</summary>
    public static string AttributesOf(CookieHashPolicy source)
    {
        var text = new StringBuilder("\"");
        if (source.Ttl is { Ticks: >= TimeSpan.TicksPerSecond } ttl)
        {
            text.Append(CultureInfo.InvariantCulture, $"; Max-Age={(long)ttl.TotalSeconds}");
        }

        if (source.Path.Length > 0)
        {
            text.Append("; Path=").Append(source.Path);
        }

        foreach (var attribute in source.Attributes)
        {
            text.Append("; ").Append(attribute.Name).Append(attribute.Value.Length > 0 ? "=" : "").Append(attribute.Value);
        }

        return text.Append("; HttpOnly").ToString();
    }

    private static void CheckName(string name, string path, CompilationScope scope)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenCharacters))
        {
            scope.Error(path, $"'{name}' cannot be a name here", "use letters, digits, '-' and '_'");
        }
    }

    private static void CheckText(string text, string path, CompilationScope scope)
    {
        if (text.Any(static character => character is < ' ' or '\x7F' or ';'))
        {
            scope.Error(path, "control characters and ';' cannot be part of a cookie", "remove them");
        }
    }
}
