using System.Buffers;
using System.Globalization;
using System.Text;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>A <see cref="RedirectAction"/> ready for traffic; also the Location of direct responses. Immutable.</summary>
public sealed class CompiledRedirect
{
    private readonly byte[] _scheme;
    private readonly byte[] _host;
    private readonly byte[] _port;
    private readonly byte[] _path;
    private readonly bool _pathHasQuery;
    private readonly bool _stripQuery;
    private readonly PathRewrite _rewrite;

    internal CompiledRedirect(RedirectAction source, PathRewrite rewrite)
    {
        ResponseCode = source.ResponseCode;
        _scheme = Encoding.UTF8.GetBytes(source.SchemeRedirect.Length > 0 ? source.SchemeRedirect : source.HttpsRedirect ? "https" : "");
        _host = Encoding.UTF8.GetBytes(source.HostRedirect);
        _port = source.PortRedirect == 0 ? [] : Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $":{source.PortRedirect}"));
        _path = Encoding.UTF8.GetBytes(source.PathRedirect);
        _pathHasQuery = source.PathRedirect.Contains('?', StringComparison.Ordinal);
        _stripQuery = source.StripQuery && !_pathHasQuery;
        _rewrite = rewrite;
    }

    /// <summary>The URL of the request itself, which Envoy adds to direct responses with status 201 and 3xx.</summary>
    internal static CompiledRedirect Same { get; } = new(new RedirectAction(), PathRewrite.None);

    /// <summary>301, 302, 303, 307 or 308.</summary>
    public int ResponseCode { get; }

    /// <summary>Writes the value of the Location header.</summary>
    public void WriteLocation(RequestHead head, IBufferWriter<byte> output)
    {
        var scheme = _scheme.Length > 0 ? _scheme : head.Scheme;
        output.Write(scheme);
        output.Write("://"u8);
        output.Write(_host.Length > 0 ? _host : RequestHost(head, scheme));
        output.Write(_port);
        if (_path.Length > 0)
        {
            WritePath(_path, output);
            if (!_pathHasQuery && !_stripQuery)
            {
                output.Write(head.Target[head.Path.Length..]);
            }

            return;
        }

        if (_rewrite.IsEmpty)
        {
            WritePath(_stripQuery ? head.Path : head.Target, output);
            return;
        }

        var rewritten = new ArrayBufferWriter<byte>(head.Target.Length + 64);
        _rewrite.Write(head, rewritten);
        var target = rewritten.WrittenSpan;
        var query = target.IndexOf((byte)'?');
        WritePath(_stripQuery && query >= 0 ? target[..query] : target, output);
    }

    private static void WritePath(ReadOnlySpan<byte> path, IBufferWriter<byte> output)
    {
        if (path.IsEmpty || path[0] != (byte)'/')
        {
            output.Write("/"u8);
        }

        output.Write(path);
    }

    /// <summary>The request's authority, without its port where the port changes, or was the default of a scheme that changes.</summary>
    private ReadOnlySpan<byte> RequestHost(RequestHead head, ReadOnlySpan<byte> scheme)
    {
        var authority = head.Authority;
        var host = DomainTable.WithoutPort(authority);
        if (host.Length == authority.Length)
        {
            return authority;
        }

        var port = authority[host.Length..];
        // So too for require_tls, where Envoy keeps ":80" and sends clients to a port that does not speak TLS.
        var isDefault = port.SequenceEqual(head.IsHttps ? ":443"u8 : ":80"u8);
        return _port.Length > 0 || (isDefault && !scheme.SequenceEqual(head.Scheme)) ? host : authority;
    }
}
