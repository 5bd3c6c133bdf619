using System.Collections.Concurrent;
using System.Collections.Frozen;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Xds.Loading;

/// <summary>The fields of a message by both spellings: <c>connect_timeout</c> and <c>connectTimeout</c>.</summary>
internal static class FieldTable
{
    // Grows to the number of message types of this build and no further.
    private static readonly ConcurrentDictionary<MessageDescriptor, FrozenDictionary<string, FieldDescriptor>> Tables = new();

    public static FieldDescriptor? Find(MessageDescriptor message, string name) => Of(message).GetValueOrDefault(name);

    /// <summary>The field names as .proto files spell them, in the order of the file.</summary>
    public static IEnumerable<string> Names(MessageDescriptor message) => message.Fields.InDeclarationOrder().Select(field => field.Name);

    private static FrozenDictionary<string, FieldDescriptor> Of(MessageDescriptor message) => Tables.GetOrAdd(message, static descriptor =>
    {
        var fields = new Dictionary<string, FieldDescriptor>(StringComparer.Ordinal);
        foreach (var field in descriptor.Fields.InDeclarationOrder())
        {
            fields[field.Name] = field;
            fields[field.JsonName] = field;
        }

        return fields.ToFrozenDictionary(StringComparer.Ordinal);
    });
}
