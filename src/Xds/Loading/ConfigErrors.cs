using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>The errors of one file as they are found; bounded.</summary>
internal sealed class ConfigErrors(string file, ConfigLimits limits)
{
    private readonly List<ConfigError> _errors = [];
    private readonly HashSet<ConfigPath> _paths = [];
    private bool _full;

    public string File { get; } = file;

    public ConfigLimits Limits { get; } = limits;

    public int Count => _errors.Count;

    /// <summary>The errors by place in the file.</summary>
    public IReadOnlyList<ConfigError> ByPlace() => [.. _errors.OrderBy(error => error.Line == 0 ? int.MaxValue : error.Line).ThenBy(error => error.Column)];

    public void Add(ConfigNode node, ConfigPath path, string message, string remedy) => Add(node.Line, node.Column, path, message, remedy);

    public void Add(int line, int column, ConfigPath path, string message, string remedy)
    {
        _paths.Add(path);
        if (_full)
        {
            return;
        }

        if (_errors.Count >= Limits.MaxErrors)
        {
            _full = true;
            _errors.Add(new ConfigError(File, 0, 0, string.Empty, $"more than {Limits.MaxErrors} errors", "correct these first"));
            return;
        }

        _errors.Add(new ConfigError(File, line, column, path.ToString(), message, remedy));
    }

    /// <summary>Says that a path is at fault already, so that nothing more is reported of it.</summary>
    public void Silence(ConfigPath path) => _paths.Add(path);

    /// <summary>Whether a fault at this path may be no more than the shadow of one that was reported above, below or at it.</summary>
    public bool Shadows(ConfigPath path)
    {
        if (_paths.Count == 0)
        {
            return false;
        }

        for (var at = path; at is not null; at = at.Parent)
        {
            if (_paths.Contains(at))
            {
                return true;
            }
        }

        return _paths.Any(path.Covers);
    }
}
