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

    /// <summary>Notes a field that is set and that nothing here acts on: a fault in a file, not one over the wire.</summary>
    public void NotActedOn(ConfigPath path) => _notActedOn.Add(new ConfigProblem(
        ConfigProblemKind.NotActedOn, path, $"\"{path.Name}\" is a field of the xDS API that this proxy does not act on", "remove it"));

    /// <summary>Notes a duration that nothing here acts on, where it is set to something other than zero.</summary>
    public void NotActedOnUnlessZero(Google.Protobuf.WellKnownTypes.Duration? duration, ConfigPath path)
    {
        if (duration is not null && duration.ToTimeSpan() != TimeSpan.Zero)
        {
            NotActedOn(path);
        }
    }

    /// <summary>Whether a resource that could be translated is refused all the same.</summary>
    public bool Forbids(bool isStatic) => _found.Count > 0 || (isStatic && _notActedOn.Count > 0);

    /// <summary>The rejection of the resource, with every problem in its reason.</summary>
    public ResourceRejection Reject(string name) => new(name, string.Join(" | ", _found.Concat(_notActedOn)));
}
