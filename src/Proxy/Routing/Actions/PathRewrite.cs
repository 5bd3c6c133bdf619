using System.Buffers;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>
/// What becomes of the path: a replacement of what the route matched, a regex over all of it, or nothing. The query stays.
/// </summary>
internal sealed class PathRewrite
{
    /// <summary>Length of a match that is always the whole path.</summary>
    public const int WholePath = -1;

    private readonly byte[] _replacement;
    private readonly int _matchedLength;
    private readonly RegexRewriter? _regex;

    public PathRewrite(byte[] replacement, int matchedLength, RegexRewriter? regex)
    {
        _replacement = replacement;
        _matchedLength = matchedLength;
        _regex = regex;
    }

    public static PathRewrite None { get; } = new([], WholePath, null);

    public bool IsEmpty => _replacement.Length == 0 && _regex is null;

    /// <summary>Writes path and query.</summary>
    public void Write(RequestHead head, IBufferWriter<byte> output)
    {
        var target = head.Target;
        var pathLength = head.Path.Length;
        if (_replacement.Length > 0)
        {
            // As in Envoy, byte for byte: "/" for the prefix "/a" makes "//b" of "/a/b".
            output.Write(_replacement);
            output.Write(target[(_matchedLength == WholePath ? pathLength : Math.Min(_matchedLength, target.Length))..]);
        }
        else if (_regex is not null)
        {
            // A request line without a path would be malformed; Envoy would send it.
            if (_regex.Write(target[..pathLength], output) == 0)
            {
                output.Write("/"u8);
            }

            output.Write(target[pathLength..]);
        }
        else
        {
            output.Write(target);
        }
    }
}
