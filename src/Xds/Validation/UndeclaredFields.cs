using System.Collections.Frozen;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// The fields of the public xDS v3 API that our messages leave out, so that a configuration that uses one is told
/// "not supported here" and not "unknown field".
/// </summary>
internal static class UndeclaredFields
{
    private const string Resource = "undeclared-fields.txt";

    private static readonly Lazy<FrozenDictionary<string, IReadOnlyList<(string Name, int Number)>>> ByMessage = new(Read);

    /// <summary>Whether the public API has a field of that name, in the spelling of .proto files or of JSON.</summary>
    public static bool Has(string message, string field) =>
        ByMessage.Value.TryGetValue(message, out var fields) && fields.Any(known => SameName(known.Name, field));

    /// <summary>The name of a field by its number; null where the public API has none.</summary>
    public static string? NameOf(string message, int number) =>
        ByMessage.Value.TryGetValue(message, out var fields) ? fields.FirstOrDefault(known => known.Number == number).Name : null;

    /// <summary>Whether two spellings are those of .proto files and of JSON for the same field.</summary>
    public static bool SameName(string protoName, string name) =>
        string.Equals(protoName, name, StringComparison.Ordinal)
        || string.Equals(protoName.Replace("_", string.Empty), name.Replace("_", string.Empty), StringComparison.OrdinalIgnoreCase);

    private static FrozenDictionary<string, IReadOnlyList<(string Name, int Number)>> Read()
    {
        using var stream = typeof(UndeclaredFields).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"the assembly lacks its resource {Resource}");
        using var reader = new StreamReader(stream);
        var messages = new Dictionary<string, IReadOnlyList<(string, int)>>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var parts = line.Split(' ');
            messages[parts[0]] = [.. parts.Skip(1).Select(part => part.Split('=')).Select(pair => (pair[0], int.Parse(pair[1])))];
        }

        return messages.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
