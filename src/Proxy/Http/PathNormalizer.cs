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
        // Most paths have nothing that any step looks for.
        var hasEscape = path.IndexOfAny((byte)'%', (byte)'\\') >= 0;
        var verdict = PathVerdict.Accepted;
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

        if (normalize
            && (hasEscape || path[..length].IndexOf("/."u8) >= 0)
            && !Canonicalize(path[..length], ref length))
        {
            return PathVerdict.Rejected;
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

    /// <summary>Backslashes, escaped unreserved characters and dot segments. False where the path cannot be accepted.</summary>
    private bool Canonicalize(Span<byte> path, ref int length)
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
                if (!IsDotSegment(path[segment..written], out var isParent))
                {
                    path[written++] = (byte)'/';
                }
                else if (!DropSegment(path, ref written, segment, isParent))
                {
                    return false;
                }

                segment = written;
                continue;
            }

            if (b == '%' && EscapedPath.TryDecode(path[i..], out var decoded))
            {
                if (decoded == 0)
                {
                    return false;
                }

                if (Unreserved.Contains(decoded) && !CompletesEscape(path[..written], decoded))
                {
                    b = decoded;
                    i += 2;
                }
            }

            path[written++] = b;
        }

        if (IsDotSegment(path[segment..written], out var isLastParent) && !DropSegment(path, ref written, segment, isLastParent))
        {
            return false;
        }

        length = written;
        return true;
    }

    /// <summary>Takes back a dot segment, and for ".." the segment before it. Above the root there is nothing (RFC 3986 §5.2.4), or a refusal.</summary>
    private bool DropSegment(ReadOnlySpan<byte> path, ref int written, int segment, bool isParent)
    {
        written = segment;
        if (!isParent)
        {
            return true;
        }

        if (segment == 1)
        {
            return slashes != EscapedSlashesAction.RejectRequest;
        }

        written = path[..(segment - 1)].LastIndexOf((byte)'/') + 1;
        return true;
    }
}
