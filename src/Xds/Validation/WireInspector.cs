using System.Text;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// Finds the fields of a message in protobuf's binary form that our message types do not declare. Protobuf keeps such fields without
/// saying so; this names them, so that a proxy can tell what it does not act on.
/// </summary>
public static class WireInspector
{
    private const int MaxDepth = 64;
    private const int MaxFound = 1000;

    /// <summary>Lists the undeclared fields of a message and of everything in it, <c>Any</c> values of known types too.</summary>
    /// <param name="type">The message.</param>
    /// <param name="bytes">Its binary form. What is malformed is left to the parser: the walk ends there.</param>
    /// <returns>A problem of kind <see cref="ConfigProblemKind.NotActedOn"/> for each field of each message, at most 1,000.</returns>
    public static IReadOnlyList<ConfigProblem> FindUndeclared(MessageDescriptor type, ReadOnlySpan<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(type);
        var found = new List<ConfigProblem>();
        Walk(type, bytes, ConfigPath.Root, 0, found);
        return found;
    }

    private static void Walk(MessageDescriptor type, ReadOnlySpan<byte> bytes, ConfigPath path, int depth, List<ConfigProblem> found)
    {
        var indexes = new Dictionary<int, int>();
        var reader = new WireReader(bytes);
        while (depth < MaxDepth && found.Count < MaxFound && reader.TryReadField(out var number, out var content))
        {
            if (type.FindFieldByNumber(number) is not { } field)
            {
                if (indexes.TryAdd(number, 0))
                {
                    var name = UndeclaredFields.NameOf(type.FullName, number);
                    found.Add(new ConfigProblem(
                        ConfigProblemKind.NotActedOn,
                        name is null ? path : path.Field(name),
                        name is null ? $"field {number} of {type.Name} is not known" : ConfigText.NotActedOn(name),
                        "leave it out"));
                }

                continue;
            }

            if (field.FieldType != FieldType.Message)
            {
                continue;
            }

            var at = path.Field(field.Name);
            if (field.IsRepeated && !field.IsMap)
            {
                var index = indexes.GetValueOrDefault(number);
                indexes[number] = index + 1;
                at = at.Index(index);
            }

            WalkMessage(field.MessageType, content, at, depth + 1, found);
        }
    }

    private static void WalkMessage(MessageDescriptor type, ReadOnlySpan<byte> bytes, ConfigPath path, int depth, List<ConfigProblem> found)
    {
        if (type.FullName == "google.protobuf.Any")
        {
            SplitPair(bytes, out var typeUrl, out var value);
            if (XdsTypes.Find(Encoding.UTF8.GetString(typeUrl)) is { } known)
            {
                Walk(known, value, path, depth, found);
            }
        }
        else if (type.GetOptions()?.MapEntry == true)
        {
            SplitPair(bytes, out var key, out var value);
            if (type.FindFieldByNumber(2) is { FieldType: FieldType.Message } field)
            {
                WalkMessage(field.MessageType, value, path.Key(Encoding.UTF8.GetString(key)), depth, found);
            }
        }
        else if (!type.FullName.StartsWith("google.protobuf.", StringComparison.Ordinal))
        {
            Walk(type, bytes, path, depth, found);
        }
    }

    /// <summary>Fields 1 and 2: type URL and value of an <c>Any</c>, key and value of a map entry.</summary>
    private static void SplitPair(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second)
    {
        first = second = default;
        var reader = new WireReader(bytes);
        while (reader.TryReadField(out var number, out var content))
        {
            first = number == 1 ? content : first;
            second = number == 2 ? content : second;
        }
    }
}
