using System.Collections;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// Checks what a message says, whether it was loaded from a file or came over the wire: required fields, ranges, enum values, negative
/// durations, types in an <c>Any</c>, fields that are not acted on, and the rules of each resource (duplicate names and domains, dangling
/// references, regular expressions, weights, addresses).
/// </summary>
public static class ConfigValidator
{
    /// <summary>Checks a message and everything in it.</summary>
    /// <param name="message">A bootstrap, a resource or any part of one.</param>
    /// <returns>Every fault (at most 1,000), in the order of field numbers; empty where there is none.</returns>
    public static IReadOnlyList<ConfigProblem> Check(IMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var walk = new Walk();
        walk.Visit(message, ConfigPath.Root);
        return walk.Problems.Found;
    }

    private sealed class Walk
    {
        private const int MaxDepth = 64;

        private int _depth;

        public ConfigProblems Problems { get; } = new();

        public void Visit(IMessage message, ConfigPath path)
        {
            if (_depth >= MaxDepth)
            {
                Problems.Invalid(path, $"nested deeper than {MaxDepth} levels", "flatten it");
                return;
            }

            _depth++;
            var plan = MessagePlan.Of(message.Descriptor);
            CheckRequired(plan, message, path);
            foreach (var field in plan.Fields)
            {
                VisitField(field, message, path);
            }

            ResourceRules.Check(message, path, Problems);
            _depth--;
        }

        private void CheckRequired(MessagePlan plan, IMessage message, ConfigPath path)
        {
            foreach (var field in plan.RequiredFields)
            {
                var empty = field.Accessor.GetValue(message) switch
                {
                    null => true,
                    string text => text.Length == 0,
                    ICollection list => list.Count == 0,
                    _ => false,
                };
                if (empty && field.RealContainingOneof is null)
                {
                    Problems.Invalid(path.Field(field.Name), $"\"{field.Name}\" of {message.Descriptor.Name} is required", $"add \"{field.Name}\"");
                }
            }

            foreach (var oneof in plan.RequiredOneofs)
            {
                if (oneof.Accessor.GetCaseFieldDescriptor(message) is null)
                {
                    var names = string.Join(", ", oneof.Fields.Select(field => field.Name));
                    Problems.Invalid(path, $"{message.Descriptor.Name} needs one of {names}", "add " + (oneof.Fields.Count == 1 ? $"\"{names}\"" : "exactly one of them"));
                }
            }
        }

        private void VisitField(FieldPlan plan, IMessage message, ConfigPath path)
        {
            var field = plan.Field;
            if (field.RealContainingOneof is { } oneof && oneof.Accessor.GetCaseFieldDescriptor(message) != field)
            {
                return;
            }

            switch (field.Accessor.GetValue(message))
            {
                case null:
                    break;
                case IDictionary map:
                    foreach (DictionaryEntry entry in map)
                    {
                        VisitValue(plan, entry.Value!, path.Field(field.Name).Key((string)entry.Key));
                    }

                    break;
                case IList list:
                    var at = path.Field(field.Name);
                    for (var i = 0; i < list.Count; i++)
                    {
                        VisitValue(plan, list[i]!, at.Index(i));
                    }

                    break;
                case { } value:
                    VisitValue(plan, value, path.Field(field.Name));
                    break;
            }

            if (plan.HarmlessValues is { } harmless)
            {
                FieldUse.ReportUnlessHarmless(field, message, harmless, path, Problems);
            }
        }

        private void VisitValue(FieldPlan plan, object value, ConfigPath path)
        {
            switch (plan.Content)
            {
                case FieldContent.Message:
                    Visit((IMessage)value, path);
                    if (plan.ActedOnBelow is { } actedOn)
                    {
                        FieldUse.ReportOthers((IMessage)value, actedOn, path, Problems);
                    }

                    break;
                case FieldContent.Any:
                    VisitAny((Any)value, plan.TypesInAny, path);
                    break;
                case FieldContent.Duration when value is Duration { Seconds: < 0 } or Duration { Nanos: < 0 }:
                    Problems.Invalid(path, "the duration is negative", "write a duration of 0s or more");
                    break;
                case FieldContent.Enum when plan.Enum!.FindValueByNumber((int)value) is null:
                    Problems.Invalid(path, $"{(int)value} is no value of {plan.Enum.Name}", $"use one of {string.Join(", ", plan.Enum.Values.Select(known => known.Name))}");
                    break;
            }

            if (plan.Range is { } range && ToDouble(value) is { } number && !(number >= range.Min && number <= range.Max))
            {
                var bound = range.Max >= uint.MaxValue ? $"of at least {range.Min}" : $"from {range.Min} to {range.Max}";
                Problems.Invalid(path, $"{number} is out of range", $"write a number {bound}");
            }
        }

        private void VisitAny(Any any, IReadOnlyList<string>? allowed, ConfigPath path)
        {
            if (XdsTypes.Find(any.TypeUrl) is not { } type)
            {
                if (FieldRules.MayBeUnknown(path))
                {
                    return;
                }

                var (message, remedy) = ConfigText.UnknownType(any.TypeUrl);
                Problems.Invalid(path, message, remedy);
                return;
            }

            if (allowed is not null && !allowed.Contains(type.FullName, StringComparer.Ordinal))
            {
                Problems.Invalid(
                    path,
                    $"a {type.FullName} has no place here",
                    allowed.Count == 0 ? ConfigText.RemoveIt : "use one of " + string.Join(", ", allowed));
                return;
            }

            if (WireParser.TryParse(type, any.Value, out var content, out var reason))
            {
                Visit(content, path);
            }
            else
            {
                Problems.Invalid(path, reason, ConfigText.SendBinary);
            }
        }

        private static double? ToDouble(object value) => value switch
        {
            uint number => number,
            int number => number,
            ulong number => number,
            long number => number,
            double number => number,
            _ => null,
        };
    }
}
