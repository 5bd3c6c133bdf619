using System.Globalization;
using System.Text;

namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>A request as it went over a relay.</summary>
/// <param name="Line">The request line, as the servers write it.</param>
/// <param name="IsComplete">False where the connection ended inside its body, or before an answer.</param>
internal sealed record RecordedRequest(string Line, bool IsComplete);

/// <summary>
/// Reads the bytes that went to a server as requests, by the letter of RFC 9112 and nothing else: a third opinion beside the proxy's and the
/// server's. Anything that is not plain throws.
/// </summary>
internal static class RecordedRequests
{
    public static IEnumerable<RecordedRequest> Read(Recording recording)
    {
        var text = Encoding.Latin1.GetString(recording.Bytes);
        var position = 0;
        while (position < text.Length)
        {
            var end = text.IndexOf("\r\n\r\n", position, StringComparison.Ordinal);
            if (end < 0)
            {
                throw new FormatException($"a head without end: {text[position..]}");
            }

            var lines = text[position..end].Split("\r\n");
            var fields = Fields(lines);
            position = end + 4;
            var isComplete = SkipBody(text, fields, ref position);
            yield return new RecordedRequest(lines[0], isComplete && (recording.IsAnswered || position < text.Length));
        }
    }

    private static Dictionary<string, string> Fields(string[] lines)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines.Skip(1))
        {
            if (line.Any(static c => c is '\r' or '\n' or '\0') || line[0] is ' ' or '\t')
            {
                throw new FormatException($"not a field: {line}");
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var name = line[..colon];
            if (!fields.TryAdd(name, line[(colon + 1)..].Trim(' ', '\t')) && name is "host" or "content-length" or "transfer-encoding")
            {
                throw new FormatException($"'{name}' twice");
            }
        }

        return fields.ContainsKey("host") ? fields : throw new FormatException($"no host: {lines[0]}");
    }

    private static bool SkipBody(string text, Dictionary<string, string> fields, ref int position)
    {
        var hasLength = fields.TryGetValue("content-length", out var length);
        if (fields.TryGetValue("transfer-encoding", out var coding))
        {
            return hasLength || coding != "chunked" ? throw new FormatException($"both framings, or '{coding}'") : SkipChunks(text, ref position);
        }

        if (!hasLength)
        {
            return true;
        }

        var end = position + long.Parse(length!, NumberStyles.None, CultureInfo.InvariantCulture);
        position = (int)Math.Min(end, text.Length);
        return end <= text.Length;
    }

    private static bool SkipChunks(string text, ref int position)
    {
        while (true)
        {
            var lineEnd = text.IndexOf("\r\n", position, StringComparison.Ordinal);
            if (lineEnd < 0)
            {
                position = text.Length;
                return false;
            }

            var size = int.Parse(text[position..lineEnd], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            var end = lineEnd + 2 + size;
            if (end + 2 > text.Length)
            {
                position = text.Length;
                return false;
            }

            if (text[end..(end + 2)] != "\r\n")
            {
                throw new FormatException($"a chunk that does not end: {text[position..]}");
            }

            position = end + 2;
            if (size == 0)
            {
                return true;
            }
        }
    }
}
