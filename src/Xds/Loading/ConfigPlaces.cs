using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>
/// Where the values of a loaded message stand in its file, so that faults that show only later are reported with their line as well.
/// Holds on to the whole document: let go of it once nothing more can be wrong.
/// </summary>
public sealed class ConfigPlaces
{
    private readonly string _file;
    private readonly ConfigNode _root;

    internal ConfigPlaces(string file, ConfigNode root)
    {
        _file = file;
        _root = root;
    }

    /// <summary>A problem of the message as an error of the file.</summary>
    /// <param name="problem">Its path begins at the message that was loaded.</param>
    public ConfigError ErrorOf(ConfigProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        var (line, column) = Find(problem.Path);
        return new ConfigError(_file, line, column, problem.Path.ToString(), problem.Message, problem.Remedy);
    }

    /// <summary>The place of the deepest node on a path that the file has: of its key where it has one.</summary>
    internal (int Line, int Column) Find(ConfigPath path)
    {
        var (node, line, column) = (_root, _root.Line, _root.Column);
        foreach (var step in path.FromRoot())
        {
            if (step.ListIndex is { } index && node is ConfigSequence sequence && index < sequence.Items.Count)
            {
                node = sequence.Items[index];
                (line, column) = (node.Line, node.Column);
            }
            else if (step.ListIndex is 0)
            {
                // A list of one that was written as its element.
                (line, column) = node is ConfigMapping { Members: [var first, ..] } ? (first.Line, first.Column) : (line, column);
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
