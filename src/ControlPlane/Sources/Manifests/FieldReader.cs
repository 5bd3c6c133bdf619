using System.Globalization;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>
/// Reads the fields of one mapping with the types that Kubernetes gives them. A wrong type, a bad value or a missing field becomes an error with its place,
/// and reading goes on, so that one pass finds every fault. A field that nobody read or ignored is warned about by <see cref="Close"/>, as a Kubernetes
/// API server does. A null value counts as a missing field.
/// </summary>
internal sealed class FieldReader(BindingContext context, ConfigMapping mapping, string path)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public int Line => mapping.Line;

    /// <summary>A text; null when missing or wrong.</summary>
    /// <param name="name">The field.</param>
    /// <param name="check">Says what is wrong with a text, or null.</param>
    public string? Text(string name, Func<string, string?>? check = null)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case ConfigScalar { Kind: ConfigScalarKind.Text } scalar:
                if (check?.Invoke(scalar.Text) is not { } complaint)
                {
                    return scalar.Text;
                }

                Fault(scalar, name, $"\"{Shorten(scalar.Text)}\" {complaint}", null);
                return null;
            case var other:
                WrongType(other, name, "text");
                return null;
        }
    }

    /// <summary>A text that must be there; empty when it is missing or wrong, which is then an error.</summary>
    public string RequiredText(string name, Func<string, string?>? check = null)
    {
        if (Find(name) is null)
        {
            Missing(name);
            return "";
        }

        var text = Text(name, check);
        if (text is { Length: 0 })
        {
            Fault(Find(name)!, name, "must not be empty", null);
        }

        return text ?? "";
    }

    /// <summary>A whole number within bounds; null when missing or wrong.</summary>
    public int? Integer(string name, int minimum, int maximum)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case ConfigScalar { Kind: ConfigScalarKind.Number } scalar when int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                if (number >= minimum && number <= maximum)
                {
                    return number;
                }

                Fault(scalar, name, $"{number} is not between {minimum} and {maximum}", null);
                return null;
            case var other:
                WrongType(other, name, "a whole number");
                return null;
        }
    }

    /// <summary>True or false; null when missing or wrong.</summary>
    public bool? Boolean(string name)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case ConfigScalar { Kind: ConfigScalarKind.Boolean } scalar:
                return scalar.Text[0] is 't' or 'T';
            case var other:
                WrongType(other, name, "true or false");
                return null;
        }
    }

    /// <summary>One of the words that are the enumeration's names; null when missing or wrong.</summary>
    public T? Word<T>(string name)
        where T : struct, Enum
    {
        var words = Enum.GetNames<T>();
        var text = Text(name, text => Array.IndexOf(words, text) >= 0 ? null : $"must be one of {string.Join(", ", words)}");
        return text is null ? null : Enum.Parse<T>(text);
    }

    /// <summary>A mapping below this one; null when missing or wrong.</summary>
    public FieldReader? Mapping(string name)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case ConfigMapping below:
                return new FieldReader(context, below, PathOf(name));
            case var other:
                WrongType(other, name, "a mapping");
                return null;
        }
    }

    /// <summary>A mapping below this one that must be there; null when it is missing or wrong, which is then an error.</summary>
    public FieldReader? RequiredMapping(string name)
    {
        if (Find(name) is null)
        {
            Missing(name);
            return null;
        }

        return Mapping(name);
    }

    /// <summary>The mappings of a list; empty when missing. An element of another type is an error and left out.</summary>
    public List<FieldReader> Mappings(string name)
    {
        var readers = new List<FieldReader>();
        foreach (var (item, itemName) in Items(name))
        {
            if (item is ConfigMapping below)
            {
                readers.Add(new FieldReader(context, below, PathOf(itemName)));
            }
            else
            {
                WrongType(item, itemName, "a mapping");
            }
        }

        return readers;
    }

    /// <summary>The texts of a list; empty when missing. An element that is wrong is an error and left out.</summary>
    public ValueList<string> Texts(string name, Func<string, string?>? check = null)
    {
        var texts = new List<string>();
        foreach (var (item, itemName) in Items(name))
        {
            if (item is not ConfigScalar { Kind: ConfigScalarKind.Text } scalar)
            {
                WrongType(item, itemName, "text");
            }
            else if (check?.Invoke(scalar.Text) is { } complaint)
            {
                Fault(scalar, itemName, $"\"{Shorten(scalar.Text)}\" {complaint}", null);
            }
            else
            {
                texts.Add(scalar.Text);
            }
        }

        return texts.ToValueList();
    }

    /// <summary>A mapping of text to text, ordered by key; empty when missing.</summary>
    public ValueList<NamedValue> TextMap(string name)
    {
        switch (Take(name))
        {
            case null:
                return default;
            case ConfigMapping below:
                var reader = new FieldReader(context, below, PathOf(name));
                return below.Members
                    .Select(member => new NamedValue(member.Key, reader.Text(member.Key) ?? ""))
                    .OrderBy(pair => pair.Key, StringComparer.Ordinal)
                    .ToValueList();
            case var other:
                WrongType(other, name, "a mapping");
                return default;
        }
    }

    /// <summary>A port by number or, as text, by name; null when missing or wrong.</summary>
    public PortReference? Port(string name) => Find(name) is ConfigScalar { Kind: ConfigScalarKind.Text }
        ? Text(name, Names.ContainerPortName) is { } portName ? new PortReference(portName, null) : null
        : Integer(name, 1, 65535) is { } number ? new PortReference(null, number) : null;

    /// <summary>True when the field is there and not null.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>Names fields that Kubernetes knows and this version does not act on.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            _known.Add(name);
        }
    }

    /// <summary>Reports a fault of a field, or of this mapping when the field is null or missing.</summary>
    public void Fault(string? name, string message, string? remedy = null) =>
        Fault(name is null ? mapping : mapping.Find(name) ?? mapping, name, message, remedy);

    /// <summary>Warns about every field that was neither read nor ignored.</summary>
    public void Close()
    {
        foreach (var member in mapping.Members)
        {
            if (!_known.Contains(member.Key))
            {
                context.Warning(
                    DiagnosticReason.UnknownField,
                    member.Line,
                    member.Column,
                    PathOf(member.Key),
                    "this field is unknown and has no effect",
                    "correct its name or its place, or remove it");
            }
        }
    }

    private ConfigNode? Find(string name) => mapping.Find(name) is { } node and not ConfigScalar { IsNull: true } ? node : null;

    private ConfigNode? Take(string name)
    {
        _known.Add(name);
        return Find(name);
    }

    private IEnumerable<(ConfigNode Item, string Name)> Items(string name)
    {
        switch (Take(name))
        {
            case null:
                return [];
            case ConfigSequence list:
                return list.Items.Select((item, index) => (item, $"{name}[{index}]"));
            case var other:
                WrongType(other, name, "a list");
                return [];
        }
    }

    private string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private void Missing(string name) => Fault(mapping, name, "is missing", "add it");

    private void WrongType(ConfigNode node, string name, string wanted)
    {
        var (found, remedy) = node switch
        {
            ConfigSequence => ("a list", null),
            ConfigMapping => ("a mapping", null),
            ConfigScalar { Kind: ConfigScalarKind.Text } text => ($"the text \"{Shorten(text.Text)}\"", wanted is "a whole number" or "true or false" ? "write it without quotes" : null),
            ConfigScalar scalar => (Shorten(scalar.Text), wanted == "text" ? "put it in quotes" : null),
            _ => ("something else", null),
        };
        Fault(node, name, $"must be {wanted}, not {found}", remedy);
    }

    private void Fault(ConfigNode node, string? name, string message, string? remedy) => context.Error(
        DiagnosticReason.InvalidField, node.Line, node.Column, name is null ? (path.Length == 0 ? null : path) : PathOf(name), message, remedy);

    private string Shorten(string text) => context.IsConfidential ? Confidential.Placeholder : text.Length <= 60 ? text : text[..57] + "...";
}
