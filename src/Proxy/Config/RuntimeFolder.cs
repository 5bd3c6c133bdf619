using System.Collections.Frozen;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Reads a runtime layer from files: the path below the folder, joined by dots, is the key, what the file says the value. Lines that begin with <c>#</c> are
/// comments. Source: Envoy documentation, "Runtime", "File system layout".
/// </summary>
internal static class RuntimeFolder
{
    private const int MaxDepth = 16;
    private const int MaxFiles = 10_000;
    private const int MaxLength = 64 * 1024;

    /// <summary>The layer that a folder holds.</summary>
    /// <exception cref="IOException">It cannot be read, or it is more than a runtime would be.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static RuntimeLayer Read(string name, string folder)
    {
        var values = new Dictionary<string, RuntimeValue>(StringComparer.Ordinal);
        var files = 0;
        Add(values, "", new DirectoryInfo(folder), MaxDepth, ref files);
        return new RuntimeLayer(name, values.ToFrozenDictionary(StringComparer.Ordinal));
    }

    private static void Add(Dictionary<string, RuntimeValue> values, string prefix, DirectoryInfo folder, int depth, ref int files)
    {
        if (depth == 0)
        {
            throw new IOException($"{folder.FullName} lies more than {MaxDepth} folders deep");
        }

        foreach (var entry in folder.EnumerateFileSystemInfos())
        {
            if (entry is DirectoryInfo below)
            {
                Add(values, $"{prefix}{entry.Name}.", below, depth - 1, ref files);
                continue;
            }

            if (++files > MaxFiles || ((FileInfo)entry).Length > MaxLength)
            {
                throw new IOException(files > MaxFiles ? $"there are more than {MaxFiles} files" : $"{entry.FullName} has more than {MaxLength} bytes");
            }

            var lines = File.ReadLines(entry.FullName).Where(static line => !line.StartsWith('#'));
            RuntimeStruct.Add(values, prefix + entry.Name, ValueOf(string.Join('\n', lines).TrimEnd()));
        }
    }

    /// <summary>A value as people write it: YAML, so that a share may be spelled out.</summary>
    private static Value ValueOf(string text)
    {
        if (text.Contains("numerator", StringComparison.Ordinal)
            && ConfigDocument.Parse("runtime", Encoding.UTF8.GetBytes(text)) is { Errors.Count: 0, Documents: [{ Root: ConfigMapping } document] })
        {
            return new JsonParser(JsonParser.Settings.Default).Parse<Value>(Encoding.UTF8.GetString(document.Root.ToUtf8Json()));
        }

        return Value.ForString(text);
    }
}
