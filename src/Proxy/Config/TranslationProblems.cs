using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>What is wrong with a resource beyond what its schema says, collected while it is translated.</summary>
internal sealed class TranslationProblems
{
    private readonly List<ConfigProblem> _found = [];

    public IReadOnlyList<ConfigProblem> Found => _found;

    public void Add(ConfigPath path, string message, string remedy) =>
        _found.Add(new ConfigProblem(ConfigProblemKind.Invalid, path, message, remedy));

    public void Add(ConfigProblem problem) => _found.Add(problem);

    /// <summary>The rejection of the resource, with every problem in its reason.</summary>
    public ResourceRejection Reject(string name) => new(name, string.Join(" | ", _found));
}
