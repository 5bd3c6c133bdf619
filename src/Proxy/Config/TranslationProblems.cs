using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>What is wrong with a resource beyond what its schema says, collected while it is translated.</summary>
internal sealed class TranslationProblems
{
    private readonly List<ConfigProblem> _found = [];
    private readonly List<ConfigProblem> _notActedOn = [];

    /// <summary>What keeps the resource from being used.</summary>
    public IReadOnlyList<ConfigProblem> Found => _found;

    /// <summary>What the resource asks for and does not get; it can be used all the same.</summary>
    public IReadOnlyList<ConfigProblem> Ignored => _notActedOn;

    public void Add(ConfigPath path, string message, string remedy) =>
        _found.Add(new ConfigProblem(ConfigProblemKind.Invalid, path, message, remedy));

    public void Add(ConfigProblem problem) => (problem.Kind == ConfigProblemKind.NotActedOn ? _notActedOn : _found).Add(problem);

    /// <summary>
    /// Notes a field that nothing here acts on where it stands: a fault in a file, not one over the wire. Fields that are acted on nowhere are
    /// known to the checks of the schema.
    /// </summary>
    public void NotActedOn(ConfigPath path) => _notActedOn.Add(new ConfigProblem(
        ConfigProblemKind.NotActedOn, path, $"\"{path.Name}\" is a field of the xDS API that this proxy does not act on", "remove it"));

    /// <summary>Whether a resource that could be translated is refused all the same: in a file, what is not acted on is a fault.</summary>
    public bool Forbids(bool isFile) => _found.Count > 0 || (isFile && _notActedOn.Count > 0);

    /// <summary>The rejection of the resource, with every problem in its reason.</summary>
    public ResourceRejection Reject(string name)
    {
        ConfigProblem[] problems = [.. _found, .. _notActedOn];
        return new ResourceRejection(name, string.Join(" | ", problems.AsEnumerable())) { Problems = problems };
    }
}
