using System.Collections.Concurrent;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Xds.Validation;

/// <summary>What there is to check in each field of one message type, worked out once.</summary>
internal sealed class MessagePlan
{
    // Grows to the number of message types of this build and no further.
    private static readonly ConcurrentDictionary<MessageDescriptor, MessagePlan> Plans = new();

    private MessagePlan(MessageDescriptor message)
    {
        RequiredFields = [.. Validation.RequiredFields.Of(message.FullName).Select(message.FindFieldByName).OfType<FieldDescriptor>()];
        RequiredOneofs =
        [
            .. message.Oneofs.Where(oneof => !oneof.IsSynthetic && Validation.RequiredFields.Of(message.FullName).Contains(oneof.Name, StringComparer.Ordinal)
                && message.FindFieldByName(oneof.Name) is null),
        ];
        Fields = [.. message.Fields.InFieldNumberOrder().Select(field => new FieldPlan(field)).Where(plan => plan.HasWork)];
    }

    public IReadOnlyList<FieldDescriptor> RequiredFields { get; }

    public IReadOnlyList<OneofDescriptor> RequiredOneofs { get; }

    public IReadOnlyList<FieldPlan> Fields { get; }

    public static MessagePlan Of(MessageDescriptor message) => Plans.GetOrAdd(message, static descriptor => new MessagePlan(descriptor));
}

/// <summary>How the value of a field is looked into.</summary>
internal enum FieldContent
{
    /// <summary>A scalar, a wrapper or free-form data.</summary>
    Plain,

    /// <summary>An enum.</summary>
    Enum,

    /// <summary>A message of the API.</summary>
    Message,

    /// <summary>An <c>Any</c>.</summary>
    Any,

    /// <summary>A duration.</summary>
    Duration,
}

/// <summary>What there is to check in one field.</summary>
internal sealed class FieldPlan
{
    public FieldPlan(FieldDescriptor field)
    {
        Field = field;
        var value = field.IsMap ? field.MessageType.FindFieldByNumber(2) : field;
        Enum = value.FieldType == FieldType.Enum ? value.EnumType : null;
        Content = ContentOf(value);
        Range = FieldRules.RangeOf(field.FullName);
        TypesInAny = FieldRules.TypesInAnyOf(field.FullName);
        HarmlessValues = FieldsNotActedOn.HarmlessValuesOf(field.FullName);
        ActedOnBelow = FieldsNotActedOn.ActedOnBelow(field.FullName);
    }

    public FieldDescriptor Field { get; }

    public FieldContent Content { get; }

    public EnumDescriptor? Enum { get; }

    public FieldRange? Range { get; }

    public IReadOnlyList<string>? TypesInAny { get; }

    /// <summary>The values that may be set although nothing acts on the field; null where it is acted on.</summary>
    public IReadOnlyList<string>? HarmlessValues { get; }

    /// <summary>What is acted on of the message in this field; null where its own rules say it all.</summary>
    public IReadOnlyList<string>? ActedOnBelow { get; }

    public bool HasWork => Content != FieldContent.Plain || Range is not null || HarmlessValues is not null;

    private static FieldContent ContentOf(FieldDescriptor value)
    {
        if (value.FieldType != FieldType.Message)
        {
            return value.FieldType == FieldType.Enum ? FieldContent.Enum : FieldContent.Plain;
        }

        return value.MessageType.FullName switch
        {
            "google.protobuf.Any" => FieldContent.Any,
            "google.protobuf.Duration" => FieldContent.Duration,
            var name when name.StartsWith("google.protobuf.", StringComparison.Ordinal) => FieldContent.Plain,
            _ => FieldContent.Message,
        };
    }
}
