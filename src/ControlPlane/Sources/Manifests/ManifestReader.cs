using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads a manifest file: YAML or JSON, several documents, lists of objects. A fault in one object leaves the others good.</summary>
internal sealed class ManifestReader
{
    /// <summary>Diagnostics kept of one file; more would only hide the first ones.</summary>
    private const int MaxDiagnostics = 1000;

    private readonly string _file;
    private readonly List<Diagnostic> _diagnostics = [];
    private readonly Dictionary<ObjectKey, KubernetesObject> _objects = [];
    private readonly HashSet<ObjectKey> _refused = [];
    private readonly SortedDictionary<string, int> _unusedKinds = new(StringComparer.Ordinal);
    private bool _isComplete = true;

    private ManifestReader(string file) => _file = file;

    /// <summary>Reads a file from disk; a file that cannot be read has a diagnostic and no objects.</summary>
    public static ManifestContent Read(string file) => new ManifestReader(file).Read(ConfigDocument.Load(file));

    /// <summary>Reads a text as if it were the file's content.</summary>
    public static ManifestContent Parse(string file, ReadOnlySpan<byte> utf8) => new ManifestReader(file).Read(ConfigDocument.Parse(file, utf8));

    private ManifestContent Read(ConfigDocuments content)
    {
        foreach (var error in content.Errors)
        {
            _isComplete = false;
            var reason = error.Line == 0 ? DiagnosticReason.UnreadableFile : DiagnosticReason.InvalidSyntax;
            _diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Error,
                reason,
                error.Message,
                error.Remedy,
                new SourceLocation(_file, error.Line, error.Column),
                null,
                error.Path.Length == 0 ? null : error.Path));
        }

        foreach (var document in content.Documents)
        {
            ReadObject(document.Root, document.HasErrors);
        }

        if (_unusedKinds.Count > 0)
        {
            var kinds = string.Join(", ", _unusedKinds.Select(kind => kind.Value == 1 ? kind.Key : $"{kind.Key} ({kind.Value})"));
            _diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Note, DiagnosticReason.UnusedKind, $"passed over, as these kinds play no part here: {kinds}", null, new SourceLocation(_file, 0)));
        }

        return new ManifestContent(
            [.. _objects.Values],
            [.. _refused],
            _isComplete,
            [.. _diagnostics.OrderBy(diagnostic => diagnostic.Location!.Line).ThenBy(diagnostic => diagnostic.Location!.Column).Take(MaxDiagnostics)]);
    }

    private void ReadObject(ConfigNode node, bool hasErrors)
    {
        var context = new BindingContext(_file, _diagnostics);
        if (node is not ConfigMapping mapping)
        {
            Unidentified(context, node, null, "is not a Kubernetes object", "an object is a mapping with apiVersion, kind and metadata");
            return;
        }

        var kind = TextOf(mapping, "kind");
        var apiVersion = TextOf(mapping, "apiVersion");
        if (kind is null || apiVersion is null)
        {
            var missing = kind is null ? "kind" : "apiVersion";
            Unidentified(context, mapping, missing, "is missing or not a text", "every object needs an apiVersion and a kind");
            return;
        }

        if (ObjectKinds.IsList(apiVersion, kind))
        {
            ReadList(context, mapping, hasErrors);
        }
        else if (ObjectKinds.Find(kind) is not { } known || !known.IsGroup(apiVersion))
        {
            _unusedKinds[kind] = _unusedKinds.GetValueOrDefault(kind) + 1;
        }
        else
        {
            ReadKnown(context, mapping, known, apiVersion, hasErrors);
        }
    }

    private void ReadList(BindingContext context, ConfigMapping list, bool hasErrors)
    {
        switch (list.Find("items"))
        {
            case null or ConfigScalar { IsNull: true }:
                break;
            case ConfigSequence items:
                foreach (var item in items.Items)
                {
                    ReadObject(item, hasErrors);
                }

                break;
            case var other:
                Unidentified(context, other, "items", "must be a list of objects", null);
                break;
        }
    }

    private void ReadKnown(BindingContext context, ConfigMapping mapping, ObjectKind kind, string apiVersion, bool hasErrors)
    {
        var document = new FieldReader(context, mapping, "");
        document.Ignore("apiVersion", "kind", "status");
        if (Identify(context, document, kind) is not { } found)
        {
            _isComplete = false;
            return;
        }

        var (key, metadata) = found;
        context.Object = key;
        context.IsConfidential = kind.IsConfidential;
        if (apiVersion != kind.ApiVersion)
        {
            document.Fault("apiVersion", $"{apiVersion} is not supported", $"write it as {kind.ApiVersion}");
            _refused.Add(key);
            return;
        }

        var meta = MetadataBinder.Bind(metadata, key.Name, new SourceLocation(_file, mapping.Line));
        var bound = kind.Bind(document, meta);
        document.Close();
        if (context.HasErrors || hasErrors)
        {
            _refused.Add(key);
        }
        else if (!_objects.TryAdd(key, bound))
        {
            context.Error(
                DiagnosticReason.DuplicateObject,
                mapping.Line,
                mapping.Column,
                null,
                $"stands in this file already, at line {_objects[key].Metadata.Location.Line}; the first one is used",
                "remove one of the two");
        }
    }

    private static (ObjectKey Key, FieldReader Metadata)? Identify(BindingContext context, FieldReader document, ObjectKind kind)
    {
        context.Object = new ObjectKey(kind.Kind, new ObjectName("", "(unnamed)"));
        if (document.RequiredMapping("metadata") is not { } metadata)
        {
            return null;
        }

        var name = metadata.RequiredText("name", kind.CheckName);
        var space = metadata.Text("namespace", text => text.Length == 0 ? null : Names.Label(text)) is { Length: > 0 } given ? given : MetadataBinder.DefaultNamespace;
        return context.HasErrors ? null : (new ObjectKey(kind.Kind, new ObjectName(kind.IsNamespaced ? space : "", name)), metadata);
    }

    private void Unidentified(BindingContext context, ConfigNode node, string? field, string message, string? remedy)
    {
        _isComplete = false;
        context.Error(DiagnosticReason.InvalidObject, node.Line, node.Column, field, message, remedy);
    }

    private static string? TextOf(ConfigMapping mapping, string name) =>
        mapping.Find(name) is ConfigScalar { Kind: ConfigScalarKind.Text, Text.Length: > 0 } scalar ? scalar.Text : null;
}
