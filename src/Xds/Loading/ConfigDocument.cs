using System.Text;
using System.Text.Unicode;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>A YAML or JSON document as a tree whose nodes know their place; not yet of any schema.</summary>
/// <param name="File">The file as the user named it.</param>
/// <param name="Root">The value of the document; never null or empty.</param>
/// <param name="HasErrors">Whether the document itself has a fault, such as a key that stands twice; it should not be used then.</param>
public sealed record ConfigDocument(string File, ConfigNode Root, bool HasErrors)
{
    /// <summary>
    /// Reads every document of a file: JSON where the name ends in <c>.json</c>, YAML (with <c>---</c> between documents) everywhere else.
    /// Empty documents are left out. A fault in one document leaves the others readable.
    /// </summary>
    /// <param name="file">Path of the file.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    /// <returns>The documents that could be read, and every error; a file that cannot be read is an error too.</returns>
    public static ConfigDocuments Load(string file, ConfigLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        limits ??= ConfigLimits.Default;
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return Parse(file, ReadBounded(stream, limits.MaxBytes + 1), limits);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            var (message, remedy) = fault switch
            {
                FileNotFoundException or DirectoryNotFoundException => ("no such file", "check the path and its permissions"),
                _ when Directory.Exists(file) => ("is a folder", "name a file"),
                UnauthorizedAccessException => ("cannot be read: permission denied", "give this user the right to read it, and to enter its folders"),
                _ => ($"cannot be read: {fault.Message.TrimEnd('.')}", "check the path and its permissions"),
            };
            return new ConfigDocuments([], [new ConfigError(file, 0, 0, string.Empty, message, remedy)]);
        }
    }

    /// <summary>Reads every document of a text; see <see cref="Load"/>.</summary>
    /// <param name="file">The name to report errors with; its ending chooses between JSON and YAML.</param>
    /// <param name="utf8">The text in UTF-8, with or without a byte order mark.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    public static ConfigDocuments Parse(string file, ReadOnlySpan<byte> utf8, ConfigLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        var errors = new ConfigErrors(file, limits ?? ConfigLimits.Default);
        var documents = new List<ConfigDocument>();
        if (utf8.Length > errors.Limits.MaxBytes)
        {
            errors.Add(0, 0, ConfigPath.Root, $"larger than {errors.Limits.MaxBytes} bytes", "split the file");
            return new ConfigDocuments(documents, errors.ByPlace());
        }

        utf8 = utf8.StartsWith(Encoding.UTF8.Preamble) ? utf8[3..] : utf8;
        if (FindInvalidUtf8(utf8) is var invalid and >= 0)
        {
            errors.Add(utf8[..invalid].Count((byte)'\n') + 1, invalid - utf8[..invalid].LastIndexOf((byte)'\n'), ConfigPath.Root, "not valid UTF-8", "save the file as UTF-8");
        }
        else if (file.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            if (new JsonTreeReader(utf8, errors).Read() is { } root)
            {
                documents.Add(new ConfigDocument(file, root, errors.Count > 0));
            }
        }
        else
        {
            foreach (var (text, lineOffset) in SplitYaml(Encoding.UTF8.GetString(utf8)))
            {
                new YamlTreeReader(new StringReader(text), lineOffset, errors).ReadDocuments(documents);
            }
        }

        return new ConfigDocuments(documents, errors.ByPlace());
    }

    /// <summary>
    /// Cuts a YAML stream before every line that starts with <c>---</c>, which ends a document wherever it stands (YAML 1.2.2, section 9.1.2),
    /// so that a syntax error in one document does not take the others with it.
    /// </summary>
    private static IEnumerable<(string Text, int LineOffset)> SplitYaml(string text)
    {
        var (start, startLine, line) = (0, 0, 0);
        for (var at = 0; at < text.Length; line++)
        {
            if (at > start && IsDocumentStart(text.AsSpan(at)) && !IsOnlyDirectives(text.AsSpan(start, at - start)))
            {
                yield return (text[start..at], startLine);
                (start, startLine) = (at, line);
            }

            var next = text.IndexOf('\n', at);
            at = next < 0 ? text.Length : next + 1;
        }

        yield return (text[start..], startLine);
    }

    private static bool IsDocumentStart(ReadOnlySpan<char> line) =>
        line.StartsWith("---", StringComparison.Ordinal) && (line.Length == 3 || line[3] is ' ' or '\t' or '\r' or '\n');

    /// <summary>Whether a text is no document yet: comments, blank lines and directives (which belong to the document that follows).</summary>
    private static bool IsOnlyDirectives(ReadOnlySpan<char> text)
    {
        foreach (var line in text.EnumerateLines())
        {
            var content = line.Trim();
            if (content.Length > 0 && content[0] is not ('#' or '%'))
            {
                return false;
            }
        }

        return true;
    }

    private static int FindInvalidUtf8(ReadOnlySpan<byte> text)
    {
        var at = Utf8.IsValid(text) ? text.Length : 0;
        while (at < text.Length)
        {
            if (Rune.DecodeFromUtf8(text[at..], out _, out var length) != System.Buffers.OperationStatus.Done)
            {
                return at;
            }

            at += length;
        }

        return -1;
    }

    private static byte[] ReadBounded(Stream stream, int bound)
    {
        using var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int read;
        while (content.Length < bound && (read = stream.Read(buffer)) > 0)
        {
            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }
}

/// <summary>What a file holds, and what is wrong with it.</summary>
/// <param name="Documents">The documents that could be read, in order.</param>
/// <param name="Errors">Every error, by line.</param>
public sealed record ConfigDocuments(IReadOnlyList<ConfigDocument> Documents, IReadOnlyList<ConfigError> Errors);
