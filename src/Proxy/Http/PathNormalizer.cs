using System.Buffers;

namespace KubeProxyNet.Proxy.Http;

/// <summary>What becomes of a path with an escaped slash or backslash: Envoy's <c>path_with_escaped_slashes_action</c>.</summary>
public enum EscapedSlashesAction
{
    /// <summary>It stays; Envoy's default.</summary>
    KeepUnchanged,

    /// <summary>The request gets 400. So does any other path that servers are known to read in different ways.</summary>
    RejectRequest,

    /// <summary>The client is sent to the unescaped path, with 307; a gRPC request gets 400.</summary>
    UnescapeAndRedirect,

    /// <summary>It is unescaped.</summary>
    UnescapeAndForward,
}

/// <summary>What a path turned out to be.</summary>
internal enum PathVerdict : byte
{
    /// <summary>Good, perhaps after a change.</summary>
    Accepted,

    /// <summary>To be refused with 400.</summary>
    Rejected,

    /// <summary>Good, but the client is to ask for what it was changed to.</summary>
    Redirect,
}

/// <summary>
/// Brings the path of a request into the one form that routes, logs and the upstream then see (RFC 3986 §6.2.2). It works once, in place,
/// and only shortens; a path that came out goes in again unchanged. The query is never touched. Immutable.
/// </summary>
/// <param name="slashes">What becomes of escaped slashes and backslashes.</param>
/// <param name="normalize">
/// True to turn backslashes into slashes, decode escaped unreserved characters and remove dot segments: Envoy's <c>normalize_path</c>.
/// </param>
/// <param name="mergeSlashes">True to make one slash of several in a row: Envoy's <c>merge_slashes</c>.</param>
internal sealed class PathNormalizer(EscapedSlashesAction slashes, bool normalize, bool mergeSlashes)
{
    // RFC 3986 §2.3.
    private static readonly SearchValues<byte> Unreserved =
        SearchValues.Create("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"u8);

    /// <summary>Normalises the path of a request, unless its target has none ("*" and CONNECT).</summary>
    public PathVerdict Normalize(RequestHead head)
    {
        if (head.Path is not [(byte)'/', ..])
        {
            return PathVerdict.Accepted;
        }

        var path = head.Bytes.AsSpan(head.PathSlice.Offset, head.PathSlice.Length);
        var length = path.Length;
        var verdict = Normalize(path, ref length);
        if (length < path.Length)
        {
            head.ShortenPath(length);
        }

        return verdict;
    }

    /// <summary>Normalises a path that begins with a slash; <paramref name="length"/> is how much of it is left.</summary>
    public PathVerdict Normalize(Span<byte> path, ref int length)
    {
        // Most paths have nothing that any step looks for. What is refused is refused before it is changed, so that the log shows it as it came.
        var hasEscape = path.IndexOfAny((byte)'%', (byte)'\\') >= 0;
        var verdict = PathVerdict.Accepted;
        if (hasEscape && normalize && path.IndexOf("%00"u8) >= 0)
        {
            return PathVerdict.Rejected;
        }

        if (hasEscape && slashes != EscapedSlashesAction.KeepUnchanged)
        {
            if (slashes == EscapedSlashesAction.RejectRequest)
            {
                if (!EscapedPath.IsUnambiguous(path))
                {
                    return PathVerdict.Rejected;
                }
            }
            else if (UnescapeSlashes(path, ref length) && slashes == EscapedSlashesAction.UnescapeAndRedirect)
            {
                verdict = PathVerdict.Redirect;
            }
        }

        if (normalize && (hasEscape || path[..length].IndexOf("/."u8) >= 0))
        {
            if (slashes == EscapedSlashesAction.RejectRequest && ClimbsAboveRoot(path))
            {
                return PathVerdict.Rejected;
            }

            Canonicalize(path[..length], ref length);
        }

        if (mergeSlashes && path[..length].IndexOf("//"u8) >= 0)
        {
            MergeSlashes(path[..length], ref length);
        }

        return verdict;
    }

    /// <summary>Decodes the four spellings of an escaped slash and backslash. True where there was one.</summary>
    private static bool UnescapeSlashes(Span<byte> path, ref int length)
    {
        var written = 0;
        for (var i = 0; i < path.Length; i++)
        {
            var b = path[i];
            if (b == '%' && EscapedPath.TryDecode(path[i..], out var decoded) && decoded is (byte)'/' or (byte)'\\')
            {
                b = decoded;
                i += 2;
            }

            path[written++] = b;
        }

        length = written;
        return written < path.Length;
    }

    private static void MergeSlashes(Span<byte> path, ref int length)
    {
        var written = 0;
        foreach (var b in path)
        {
            if (b != '/' || written == 0 || path[written - 1] != '/')
            {
                path[written++] = b;
            }
        }

        length = written;
    }

    /// <summary>True where a hexadecimal digit would make an escape out of a percent sign that stands alone: then a second pass would decode it.</summary>
    private static bool CompletesEscape(ReadOnlySpan<byte> written, byte digit) =>
        char.IsAsciiHexDigit((char)digit)
        && (written[^1] == '%' || (written.Length > 1 && written[^2] == '%' && char.IsAsciiHexDigit((char)written[^1])));

    /// <summary>
    /// True for "." and "..", also with path parameters, which a server may take off before it looks for dot segments (CVE-2026-73551).
    /// </summary>
    private static bool IsDotSegment(ReadOnlySpan<byte> segment, out bool isParent)
    {
        isParent = segment.StartsWith(".."u8);
        return segment is [(byte)'.', ..] && segment[(isParent ? 2 : 1)..] is [] or [(byte)';', ..];
    }

    /// <summary>True where ".." leads above the root, before anything is decoded.</summary>
    private static bool ClimbsAboveRoot(ReadOnlySpan<byte> path)
    {
        var depth = 0;
        for (var start = 1; start <= path.Length;)
        {
            var length = path[start..].IndexOfAny((byte)'/', (byte)'\\');
            var segment = length < 0 ? path[start..] : path.Slice(start, length);
            start += segment.Length + 1;
            var dots = 0;
            while (segment is [(byte)'.', ..] || (EscapedPath.TryDecode(segment, out var decoded) && decoded == '.'))
            {
                dots++;
                segment = segment[(segment[0] == '.' ? 1 : 3)..];
            }

            var isDotSegment = dots is 1 or 2 && (segment.IsEmpty || segment[0] == (byte)';');
            if (isDotSegment && dots == 2 && --depth < 0)
            {
                return true;
            }

            depth += isDotSegment ? 0 : 1;
        }

        return false;
    }

    /// <summary>Turns backslashes into slashes, decodes escaped unreserved characters, removes dot segments.</summary>
    private static void Canonicalize(Span<byte> path, ref int length)
    {
        // What was written ends in a segment that is still open and begins at segment. Writing never overtakes reading.
        var written = 1;
        var segment = 1;
        for (var i = 1; i < path.Length; i++)
        {
            var b = path[i];
            if (b is (byte)'/' or (byte)'\\')
            {
                // The slash before a dot segment is there; the one behind it goes with it.
                if (IsDotSegment(path[segment..written], out var isParent))
                {
                    written = Drop(path, segment, isParent);
                }
                else
                {
                    path[written++] = (byte)'/';
                }

                segment = written;
                continue;
            }

            if (b == '%' && EscapedPath.TryDecode(path[i..], out var decoded) && Unreserved.Contains(decoded) && !CompletesEscape(path[..written], decoded))
            {
                b = decoded;
                i += 2;
            }

            path[written++] = b;
        }

        length = IsDotSegment(path[segment..written], out var isLastParent) ? Drop(path, segment, isLastParent) : written;
    }

    /// <summary>Where to go on after a dot segment: where it began, or for ".." where the segment before it began. Above the root there is nothing (RFC 3986 §5.2.4).</summary>
    private static int Drop(ReadOnlySpan<byte> path, int segment, bool isParent) =>
        isParent && segment > 1 ? path[..(segment - 1)].LastIndexOf((byte)'/') + 1 : segment;
}
