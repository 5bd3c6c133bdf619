using System.Collections;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Percent = Envoy.Type.V3.Percent;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Whether and to what a field is set, for rules on fields that nothing acts on.</summary>
internal static class FieldUse
{
    /// <summary>Reports a field that is set to something that does not happen.</summary>
    /// <param name="field">The field.</param>
    /// <param name="message">What it is a field of.</param>
    /// <param name="harmless">The values that it may have, as text.</param>
    /// <param name="path">Where the message stands.</param>
    /// <param name="problems">Takes the report.</param>
    public static void ReportUnlessHarmless(FieldDescriptor field, IMessage message, IReadOnlyList<string> harmless, ConfigPath path, ConfigProblems problems)
    {
        if (!IsSet(field, message) || (harmless.Count > 0 && TextOf(field, field.Accessor.GetValue(message)) is { } text && harmless.Contains(text, StringComparer.Ordinal)))
        {
            return;
        }

        problems.NotActedOn(path.Field(field.Name), ConfigText.NotActedOn(field.Name), harmless.Count == 0 ? ConfigText.RemoveIt : $"{ConfigText.RemoveIt}, or write {string.Join(" or ", harmless)}");
    }

    /// <summary>Reports every field that is set and not among those that are acted on in this place.</summary>
    /// <param name="message">The message.</param>
    /// <param name="actedOn">Names, or <c>NAME=VALUE</c> where only that value asks for what happens.</param>
    /// <param name="path">Where the message stands.</param>
    /// <param name="problems">Takes the reports.</param>
    public static void ReportOthers(IMessage message, IReadOnlyList<string> actedOn, ConfigPath path, ConfigProblems problems)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (actedOn.Contains(field.Name, StringComparer.Ordinal))
            {
                continue;
            }

            var start = field.Name + "=";
            string[] harmless = [.. actedOn.Where(entry => entry.StartsWith(start, StringComparison.Ordinal)).Select(entry => entry[start.Length..])];
            ReportUnlessHarmless(field, message, harmless, path, problems);
        }
    }

    private static bool IsSet(FieldDescriptor field, IMessage message) => field switch
    {
        { IsMap: true } or { IsRepeated: true } => ((ICollection)field.Accessor.GetValue(message)).Count > 0,
        { HasPresence: true } => field.Accessor.HasValue(message),
        { FieldType: FieldType.Enum } => (int)field.Accessor.GetValue(message) != 0,
        _ => field.Accessor.GetValue(message) is not (string { Length: 0 } or false or 0u or 0 or 0L or 0UL or 0d),
    };

    /// <summary>The value as people write it; null where rules do not speak of values of that kind.</summary>
    private static string? TextOf(FieldDescriptor field, object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        Duration { Seconds: 0, Nanos: 0 } => "0s",
        Percent percent => percent.Value.ToString(CultureInfo.InvariantCulture) + "%",
        _ when field.FieldType == FieldType.Enum => field.EnumType.FindValueByNumber((int)value)?.Name,
        uint or int or long or ulong => Convert.ToString(value, CultureInfo.InvariantCulture),
        _ => null,
    };
}
