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
        AddProblems(ConfigValidator.Check(message), node, errors);
        return errors.Count == 0 ? new LoadResult<T>(message, []) : new LoadResult<T>(null, errors.ByPlace());
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

    private static void AddProblems(IReadOnlyList<ConfigProblem> problems, ConfigNode root, ConfigErrors errors)
    {
        var structural = errors.Count > 0;

        // What is wrong with a value that could not be read in full, or with a reference to one, may only be a shadow of that error.
        var shown = problems.Where(problem => !(structural && problem.Kind == ConfigProblemKind.DanglingReference) && !errors.Shadows(problem.Path)).ToList();
        foreach (var problem in shown)
        {
            var (line, column) = Locate(root, problem.Path);
            errors.Add(line, column, problem.Path, problem.Message, problem.Remedy);
        }
    }

    /// <summary>The place of the deepest node on a path that the file has: of its key where it has one.</summary>
    private static (int Line, int Column) Locate(ConfigNode root, ConfigPath path)
    {
        var (node, line, column) = (root, root.Line, root.Column);
        foreach (var step in path.FromRoot())
        {
            if (step.ListIndex is { } index && node is ConfigSequence sequence && index < sequence.Items.Count)
            {
                node = sequence.Items[index];
                (line, column) = (node.Line, node.Column);
            }
            else if (step.Name is { } name && node is ConfigMapping mapping && FindMember(mapping, name) is { } member)
            {
                node = member.Value;
                (line, column) = (member.Line, member.Column);
            }
            else
            {
                break;
            }
        }

        return (line, column);
    }

    private static ConfigMember? FindMember(ConfigMapping mapping, string name)
    {
        foreach (var member in mapping.Members)
        {
            if (UndeclaredFields.SameName(name, member.Key))
            {
                return member;
            }
        }

        return null;
    }
}
