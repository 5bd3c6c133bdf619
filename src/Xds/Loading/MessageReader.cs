using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>
/// Fills a protobuf message from a tree of nodes, walking along the message's descriptor, and reports everything that does not fit.
/// Follows protobuf's JSON form (https://protobuf.dev/programming-guides/json), but an unknown field or a second value of a oneof is an error.
/// The depth of the tree is bounded by the parser, so that of this recursion is.
/// </summary>
internal sealed class MessageReader(ConfigErrors errors)
{
    private const string TypeKey = "@type";

    /// <summary>Fills a message from the members of a mapping.</summary>
    public void Fill(IMessage message, ConfigMapping mapping, ConfigPath path) => Fill(message, mapping, path, isAny: false);

    private void Fill(IMessage message, ConfigMapping mapping, ConfigPath path, bool isAny)
    {
        var set = new (object What, string By)[mapping.Members.Count];
        var count = 0;
        foreach (var member in mapping.Members)
        {
            if (isAny && member.Key == TypeKey)
            {
                continue;
            }

            if (FieldTable.Find(message.Descriptor, member.Key) is not { } field)
            {
                ReportUnknown(message.Descriptor, member, path);
                continue;
            }

            if (member.Value is ConfigScalar { IsNull: true } && !IsOf(field, Value.Descriptor))
            {
                // Null means unset in protobuf's JSON form.
                continue;
            }

            var at = path.Field(field.Name);
            var oneof = field.RealContainingOneof;
            var what = (object?)oneof ?? field;

            // There are as many at most as the message has fields, by both spellings.
            if (Array.FindIndex(set, 0, count, earlier => ReferenceEquals(earlier.What, what)) is var found and >= 0)
            {
                var other = set[found].By;
                errors.Add(
                    member.Line,
                    member.Column,
                    at,
                    oneof is null || UndeclaredFields.SameName(field.Name, other) ? $"\"{member.Key}\" is set a second time" : $"excludes \"{other}\", which is set too: both are of the oneof {oneof.Name}",
                    "keep one of the two");
                continue;
            }

            set[count++] = (what, member.Key);
            Set(message, field, member.Value, at);
        }
    }

    private static bool IsOf(FieldDescriptor field, MessageDescriptor type) => field.FieldType == FieldType.Message && field.MessageType == type;

    private void Set(IMessage message, FieldDescriptor field, ConfigNode node, ConfigPath path)
    {
        if (field.IsMap)
        {
            FillMap((IDictionary)field.Accessor.GetValue(message), field, node, path);
        }
        else if (field.IsRepeated)
        {
            FillList((IList)field.Accessor.GetValue(message), field, node, path);
        }
        else if (ReadSingle(field, node, path) is { } value)
        {
            field.Accessor.SetValue(message, value);
        }
    }

    private void FillList(IList list, FieldDescriptor field, ConfigNode node, ConfigPath path)
    {
        if (node is not ConfigSequence sequence)
        {
            if (MayStandAlone(field, node))
            {
                // An element that could not be read keeps its place, as in a list.
                list.Add(ReadSingle(field, node, path.Index(0)) ?? Unread(field));
                return;
            }

            errors.Add(node, path, $"expects a list, but this is {node.Describe()}", "write a list, each element behind a \"-\"");
            return;
        }

        for (var i = 0; i < sequence.Items.Count; i++)
        {
            // An element that could not be read keeps its index, for paths are by index.
            list.Add(ReadSingle(field, sequence.Items[i], path.Index(i)) ?? Unread(field));
        }
    }

    /// <summary>
    /// True where a list of one may be written as its element: protobuf's parser takes that in its legacy syntax, which Envoy switches on, and published
    /// bootstraps use it.
    /// </summary>
    private static bool MayStandAlone(FieldDescriptor field, ConfigNode node) =>
        field.FieldType == FieldType.Message ? node is ConfigMapping : node is ConfigScalar { Kind: ConfigScalarKind.Text } && field.FieldType is FieldType.String or FieldType.Enum;

    private static object Unread(FieldDescriptor field) => field.FieldType == FieldType.Message ? New(field.MessageType) : ScalarReader.Default(field.FieldType);

    private void FillMap(IDictionary map, FieldDescriptor field, ConfigNode node, ConfigPath path)
    {
        if (node is not ConfigMapping mapping)
        {
            errors.Add(node, path, $"expects a mapping, but this is {node.Describe()}", "write KEY: VALUE pairs");
            return;
        }

        // Every map of the API is keyed by text.
        var valueField = field.MessageType.FindFieldByNumber(2);
        foreach (var member in mapping.Members)
        {
            if (ReadSingle(valueField, member.Value, path.Key(member.Key)) is { } value)
            {
                map[member.Key] = value;
            }
        }
    }

    private object? ReadSingle(FieldDescriptor field, ConfigNode node, ConfigPath path)
    {
        if (field.FieldType != FieldType.Message)
        {
            return ScalarReader.Read(field.FieldType, field.FieldType == FieldType.Enum ? field.EnumType : null, node, path, errors);
        }

        var type = field.MessageType;
        if (type.File.Name == "google/protobuf/wrappers.proto")
        {
            return ScalarReader.Read(type.FindFieldByNumber(1).FieldType, null, node, path, errors);
        }

        switch (type.FullName)
        {
            case "google.protobuf.Duration":
                return node is ConfigMapping parts ? ReadDurationParts(parts, path) : ReadDuration(node, path);
            case "google.protobuf.Value":
                return StructReader.ToValue(node);
            case "google.protobuf.ListValue":
                return node is ConfigSequence list ? StructReader.ToList(list) : Expect("a list", "each element behind a \"-\"", node, path);
            case "google.protobuf.Struct":
                return node is ConfigMapping free ? StructReader.ToStruct(free) : Expect("a mapping", "KEY: VALUE pairs, or {} for an empty one", node, path);
            case "google.protobuf.Any":
                return node is ConfigMapping any ? ReadAny(any, path) : Expect("a mapping with \"@type\"", "\"@type\" and the fields of that type", node, path);
        }

        if (node is not ConfigMapping mapping)
        {
            return Expect("a mapping", $"the fields of {type.Name}, or {{}} for an empty one", node, path);
        }

        var message = New(type);
        Fill(message, mapping, path);
        return message;
    }

    private object? Expect(string what, string remedy, ConfigNode node, ConfigPath path)
    {
        errors.Add(node, path, $"expects {what}, but this is {node.Describe()}", "write " + remedy);
        return null;
    }

    private Duration? ReadDuration(ConfigNode node, ConfigPath path)
    {
        var text = (node as ConfigScalar)?.Text;
        if (node is ConfigScalar { Kind: ConfigScalarKind.Text } && DurationText.TryParse(text!, out var duration))
        {
            return duration;
        }

        var guess = text is null ? null : DurationText.Guess(text);
        errors.Add(node, path, $"expects a duration, but this is {node.Describe()}", guess is null ? "write seconds with their unit, such as 15s or 0.25s" : $"write {guess}");
        return null;
    }

    /// <summary>A duration by its fields, as protobuf's parser takes it in its legacy syntax and published bootstraps write it.</summary>
    private Duration? ReadDurationParts(ConfigMapping mapping, ConfigPath path)
    {
        var duration = new Duration();
        Fill(duration, mapping, path);
        if (Math.Abs((long)duration.Nanos) < Duration.NanosecondsPerSecond && Math.Sign(duration.Seconds) * Math.Sign(duration.Nanos) >= 0 && Math.Abs(duration.Seconds) <= Duration.MaxSeconds)
        {
            return duration;
        }

        errors.Add(mapping, path, "is no duration: nanos are less than a second, of the sign of the seconds", "write seconds with their unit, such as 15s or 0.25s");
        return null;
    }

    private Any? ReadAny(ConfigMapping mapping, ConfigPath path)
    {
        if (mapping.Find(TypeKey) is not ConfigScalar { Kind: ConfigScalarKind.Text } typeUrl)
        {
            errors.Add(mapping, path.Field(TypeKey), "\"@type\" is missing or no text", "add \"@type\" with the type URL of what follows");
            errors.Silence(path);
            return null;
        }

        if (XdsTypes.Find(typeUrl.Text) is not { } type)
        {
            if (FieldRules.MayBeUnknown(path))
            {
                return new Any { TypeUrl = typeUrl.Text };
            }

            var (message, remedy) = ConfigText.UnknownType(typeUrl.Text);
            errors.Add(typeUrl, path.Field(TypeKey), message, remedy);
            errors.Silence(path);
            return null;
        }

        var content = New(type);
        Fill(content, mapping, path, isAny: true);
        return new Any { TypeUrl = XdsTypeUrls.Prefix + type.FullName, Value = content.ToByteString() };
    }

    private void ReportUnknown(MessageDescriptor type, ConfigMember member, ConfigPath path)
    {
        var at = path.Field(member.Key);
        if (UndeclaredFields.Has(type.FullName, member.Key))
        {
            errors.Add(member.Line, member.Column, at, ConfigText.NotActedOn(member.Key), ConfigText.RemoveIt);
            return;
        }

        var nearest = NameSuggestion.Nearest(member.Key, FieldTable.Names(type));
        if (nearest is not null)
        {
            errors.Silence(path.Field(nearest));
        }

        var names = FieldTable.Names(type).ToList();
        var remedy = nearest is not null ? $"did you mean \"{nearest}\"?"
            : names.Count == 0 ? "write {}: this message has no fields"
            : "use one of " + string.Join(", ", names);
        errors.Add(member.Line, member.Column, at, $"unknown field \"{member.Key}\" of {type.Name}", remedy);
    }

    private static IMessage New(MessageDescriptor type) => type.Parser.ParseFrom(ReadOnlySpan<byte>.Empty);
}
