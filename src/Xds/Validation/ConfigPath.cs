using System.Globalization;
using System.Text;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// Where a value stands in a message: field names, list indexes and map keys from the root down, written as
/// <c>static_resources.listeners[0].filter_chains[0]</c>. Immutable; two paths with the same text are equal.
/// What an <c>Any</c> holds stands directly below the field of the <c>Any</c>, as in its JSON form.
/// </summary>
public sealed class ConfigPath : IEquatable<ConfigPath>
{
    private enum Step
    {
        Root,
        Field,
        Index,
        Key,
    }

    private readonly Step _step;
    private readonly string _name;
    private readonly int _index;

    private ConfigPath(ConfigPath? parent, Step step, string name, int index)
    {
        Parent = parent;
        _step = step;
        _name = name;
        _index = index;
    }

    /// <summary>The path of the message itself; its text is empty.</summary>
    public static ConfigPath Root { get; } = new(null, Step.Root, string.Empty, 0);

    /// <summary>The path one step up; null at the root.</summary>
    public ConfigPath? Parent { get; }

    /// <summary>The field name or map key of the last step; null where that is an index or the root.</summary>
    public string? Name => _step is Step.Field or Step.Key ? _name : null;

    /// <summary>The list index of the last step, from 0; null where that is a field, a key or the root.</summary>
    public int? ListIndex => _step == Step.Index ? _index : null;

    /// <summary>The path of a field of the message at this path.</summary>
    /// <param name="name">The field's name as the .proto file spells it.</param>
    public ConfigPath Field(string name) => new(this, Step.Field, name, 0);

    /// <summary>The path of an element of the list at this path.</summary>
    /// <param name="index">From 0.</param>
    public ConfigPath Index(int index) => new(this, Step.Index, string.Empty, index);

    /// <summary>The path of a value of the map at this path.</summary>
    /// <param name="key">The key as it stands in JSON.</param>
    public ConfigPath Key(string key) => new(this, Step.Key, key, 0);

    /// <summary>The same steps below another path: where what is at this path of a message is in the larger one that holds it.</summary>
    /// <param name="place">The path of the message.</param>
    public ConfigPath Under(ConfigPath place) => Parent is null ? place : new(Parent.Under(place), _step, _name, _index);

    /// <summary>The steps from the root down, without the root.</summary>
    public IReadOnlyList<ConfigPath> FromRoot()
    {
        var steps = new List<ConfigPath>();
        for (var at = this; at.Parent is not null; at = at.Parent)
        {
            steps.Add(at);
        }

        steps.Reverse();
        return steps;
    }

    /// <summary>Whether this path leads to the other one or is the same.</summary>
    /// <param name="other">A path from the same root.</param>
    public bool Covers(ConfigPath other)
    {
        for (var at = other; at is not null; at = at.Parent)
        {
            if (Equals(at))
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public bool Equals(ConfigPath? other)
    {
        var (left, right) = (this, other);
        while (left is not null && right is not null)
        {
            if (ReferenceEquals(left, right))
            {
                return true;
            }

            if (left._step != right._step || left._index != right._index || !string.Equals(left._name, right._name, StringComparison.Ordinal))
            {
                return false;
            }

            (left, right) = (left.Parent, right.Parent);
        }

        return left is null && right is null;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ConfigPath);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_step, _name, _index, Parent?._name, Parent?._index);

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var step in FromRoot())
        {
            switch (step._step)
            {
                case Step.Index:
                    text.Append(CultureInfo.InvariantCulture, $"[{step._index}]");
                    break;
                case Step.Key:
                    text.Append(CultureInfo.InvariantCulture, $"[\"{step._name}\"]");
                    break;
                default:
                    text.Append(text.Length == 0 ? string.Empty : ".").Append(step._name);
                    break;
            }
        }

        return text.ToString();
    }
}
