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

    /// <summary>Notes a field that is set and has no effect; the resource is used all the same.</summary>
    public void NotActedOn(ConfigPath path) =>
        Add(new ConfigProblem(ConfigProblemKind.NotActedOn, path, $"\"{path.Name}\" has no effect here", "remove it"));

    /// <summary>Notes a duration that has no effect, unless it is zero.</summary>
    public void NotActedOnUnlessZero(Google.Protobuf.WellKnownTypes.Duration? duration, ConfigPath path)
    {
        if (duration is not (null or { Seconds: 0, Nanos: 0 }))
        {
            NotActedOn(path);
        }
    }

    /// <summary>The rejection of the resource, with every problem in its reason.</summary>
    public ResourceRejection Reject(string name) => new(name, string.Join(" | ", _found));
}
