namespace KubeProxyNet.Xds.Validation;

/// <summary>The faults of one message as they are found; bounded, for what comes over the wire is not trusted.</summary>
internal sealed class ConfigProblems
{
    private const int Max = 1000;

    private readonly List<ConfigProblem> _found = [];

    public IReadOnlyList<ConfigProblem> Found => _found;

    public void Invalid(ConfigPath path, string message, string remedy) => Add(ConfigProblemKind.Invalid, path, message, remedy);

    public void Dangling(ConfigPath path, string message, string remedy) => Add(ConfigProblemKind.DanglingReference, path, message, remedy);

    public void NotActedOn(ConfigPath path, string message, string remedy) => Add(ConfigProblemKind.NotActedOn, path, message, remedy);

    private void Add(ConfigProblemKind kind, ConfigPath path, string message, string remedy)
    {
        if (_found.Count < Max)
        {
            _found.Add(new ConfigProblem(kind, path, message, remedy));
        }
    }
}
