using System.Text;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Builds request heads as a codec would leave them.</summary>
internal static class RequestHeads
{
    /// <summary>A GET of a URL such as <c>http://host/path?query</c>, with header lines such as <c>name: value</c>.</summary>
    public static RequestHead Get(string url, params string[] headers) => Create("GET", url, headers);

    public static RequestHead Create(string method, string url, params string[] headers)
    {
        var isHttps = url.StartsWith("https://", StringComparison.Ordinal);
        var rest = url[(url.IndexOf("://", StringComparison.Ordinal) + 3)..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var head = Create(method, slash < 0 ? "/" : rest[slash..], slash < 0 ? rest : rest[..slash], headers);
        head.IsHttps = isHttps;
        return head;
    }

    /// <summary>A request without Host.</summary>
    public static RequestHead WithoutHost(string target) => Create("GET", target, null, headers: default(ReadOnlySpan<string>));

    /// <summary>A head from its parts; a null authority stands for a request without Host.</summary>
    public static RequestHead Create(string method, string target, string? authority, params ReadOnlySpan<string> headers)
    {
        var bytes = new List<byte>();
        var head = new RequestHead { MethodSlice = Append(bytes, method), TargetSlice = Append(bytes, target) };
        var query = target.IndexOf('?', StringComparison.Ordinal);
        var pathLength = query < 0 ? head.TargetSlice.Length : Encoding.UTF8.GetByteCount(target.AsSpan(0, query));
        head.PathSlice = new Slice(head.TargetSlice.Offset, pathLength);
        head.QuerySlice = query < 0 ? default : new Slice(head.PathSlice.End + 1, head.TargetSlice.Length - pathLength - 1);
        if (authority is not null)
        {
            head.AuthoritySlice = Append(bytes, authority);
            head.AddField(Append(bytes, "host"), head.AuthoritySlice, KnownHeader.Host);
        }

        foreach (var header in headers)
        {
            var colon = header.IndexOf(':', StringComparison.Ordinal);
            var name = header[..colon].ToLowerInvariant();
            head.AddField(Append(bytes, name), Append(bytes, header[(colon + 1)..].Trim()), KnownHeaders.Identify(Encoding.UTF8.GetBytes(name)));
        }

        head.Bytes = [.. bytes];
        return head;
    }

    private static Slice Append(List<byte> bytes, string text)
    {
        var encoded = Encoding.UTF8.GetBytes(text);
        bytes.AddRange(encoded);
        return new Slice(bytes.Count - encoded.Length, encoded.Length);
    }
}
