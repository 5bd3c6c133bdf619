using Google.Protobuf;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>
/// Loads a YAML or JSON file into a protobuf message, strictly: unknown and unsupported fields, wrong types, missing required fields,
/// values out of range and dangling references are errors, and all of them are reported, each with its line and path.
/// Field names may be spelt as in .proto files or as in JSON.
/// </summary>
public static class ConfigLoader
{
    /// <summary>Loads a file with one document.</summary>
    /// <typeparam name="T">The message.</typeparam>
    /// <param name="file">Path of the file; JSON where it ends in <c>.json</c>, YAML everywhere else.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    public static LoadResult<T> Load<T>(string file, ConfigLimits? limits = null)
        where T : class, IMessage, new() => Read<T>(file, ConfigDocument.Load(file, limits), limits);

    /// <summary>Loads a text with one document; see <see cref="Load{T}"/>.</summary>
    /// <typeparam name="T">The message.</typeparam>
    /// <param name="file">The name to report errors with; its ending chooses between JSON and YAML.</param>
    /// <param name="utf8">The text in UTF-8.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    public static LoadResult<T> Parse<T>(string file, ReadOnlySpan<byte> utf8, ConfigLimits? limits = null)
        where T : class, IMessage, new() => Read<T>(file, ConfigDocument.Parse(file, utf8, limits), limits);

    /// <summary>Turns a tree that was read already into a message, with every check that <see cref="Load{T}"/> makes.</summary>
    /// <typeparam name="T">The message.</typeparam>
    /// <param name="file">The name to report errors with.</param>
    /// <param name="node">The tree.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    public static LoadResult<T> Bind<T>(string file, ConfigNode node, ConfigLimits? limits = null)
        where T : class, IMessage, new()
    {
        ArgumentNullException.ThrowIfNull(node);
        var errors = new ConfigErrors(file, limits ?? ConfigLimits.Default);
        var message = new T();
        if (node is not ConfigMapping mapping)
        {
            errors.Add(node, ConfigPath.Root, $"expects a mapping, but this is {node.Describe()}", $"write the fields of {message.Descriptor.Name}");
            return new LoadResult<T>(null, errors.ByPlace());
        }

        new MessageReader(errors).Fill(message, mapping, ConfigPath.Root);
        var places = new ConfigPlaces(errors.File, node);
        AddProblems(ConfigValidator.Check(message), places, errors);
        return errors.Count == 0 ? new LoadResult<T>(message, []) { Places = places } : new LoadResult<T>(null, errors.ByPlace());
    }

    private static LoadResult<T> Read<T>(string file, ConfigDocuments documents, ConfigLimits? limits)
        where T : class, IMessage, new()
    {
        var errors = documents.Errors.ToList();
        if (documents.Documents.Count == 0 && errors.Count == 0)
        {
            errors.Add(new ConfigError(file, 0, 0, string.Empty, "the file is empty", "write a configuration into it"));
        }

        if (documents.Documents.Count > 1)
        {
            errors.Add(new ConfigError(file, documents.Documents[1].Root.Line, 1, string.Empty, "a second document begins here", "keep one document in the file"));
        }

        if (documents.Documents.Count == 0)
        {
            return new LoadResult<T>(null, errors);
        }

        var result = Bind<T>(file, documents.Documents[0].Root, limits);
        return errors.Count == 0 ? result : new LoadResult<T>(null, [.. errors.Concat(result.Errors).OrderBy(error => error.Line)]);
    }

    private static void AddProblems(IReadOnlyList<ConfigProblem> problems, ConfigPlaces places, ConfigErrors errors)
    {
        var structural = errors.Count > 0;

        // What is wrong with a value that could not be read in full, or with a reference to one, may only be a shadow of that error.
        var shown = problems.Where(problem => !(structural && problem.Kind == ConfigProblemKind.DanglingReference) && !errors.Shadows(problem.Path)).ToList();
        foreach (var problem in shown)
        {
            var (line, column) = places.Find(problem.Path);
            errors.Add(line, column, problem.Path, problem.Message, problem.Remedy);
        }
    }
}
