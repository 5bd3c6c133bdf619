using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>
/// Protobuf messages as JSON with the field names of the schema, and without what is secret: keys, passwords and tickets given inline,
/// generic secrets, metadata of gRPC calls, and headers whose name says that they authenticate. File names stay.
/// </summary>
internal sealed class MessageJson(TypeRegistry types)
{
    private const string Redacted = "[redacted]";

    // Where JSON has bytes, as Envoy: the same in Base64.
    private const string RedactedBytes = "W3JlZGFjdGVkXQ==";

    private static readonly HashSet<string> SecretFields = new(StringComparer.Ordinal)
    {
        "private_key", "password", "pkcs12", "session_ticket_keys", "generic_secret", "initial_metadata",
    };

    private static readonly string[] SecretHeaderParts = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"];

    private readonly JsonFormatter _formatter =
        new(JsonFormatter.Settings.Default.WithTypeRegistry(types).WithPreserveProtoFieldNames(true));

    /// <summary>Writes one value; with <paramref name="withType"/> the object begins with the type, as an <c>Any</c> does.</summary>
    internal void Write(IMessage message, Utf8JsonWriter json, bool withType = false)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(_formatter.Format(message), new JsonDocumentOptions { MaxDepth = 256 });
        }
        catch (InvalidOperationException exception)
        {
            // An Any of a type that this build does not know.
            json.WriteStartObject();
            json.WriteString("error", $"cannot be shown: {exception.Message}");
            json.WriteEndObject();
            return;
        }

        using (document)
        {
            json.WriteStartObject();
            if (withType)
            {
                json.WriteString("@type", "type.googleapis.com/" + message.Descriptor.FullName);
            }

            WriteMembers(document.RootElement, json, secret: false);
            json.WriteEndObject();
        }
    }

    private static void WriteMembers(JsonElement element, Utf8JsonWriter json, bool secret)
    {
        var secretHeader = IsSecretHeader(element);
        foreach (var member in element.EnumerateObject())
        {
            json.WritePropertyName(member.Name);
            var isPublicText = member.Name is "filename" or "environment_variable" or "key" or "name" or "path"
                && member.Value.ValueKind == JsonValueKind.String;
            var isSecret = secret || SecretFields.Contains(member.Name) || (secretHeader && member.Name is "value" or "raw_value");
            if (isSecret && member.Name == "inline_bytes" && member.Value.ValueKind == JsonValueKind.String)
            {
                json.WriteStringValue(RedactedBytes);
                continue;
            }

            WriteValue(member.Value, json, isSecret && !isPublicText);
        }
    }

    private static void WriteValue(JsonElement element, Utf8JsonWriter json, bool secret)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            json.WriteStartObject();
            WriteMembers(element, json, secret);
            json.WriteEndObject();
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            json.WriteStartArray();
            foreach (var item in element.EnumerateArray())
            {
                WriteValue(item, json, secret);
            }

            json.WriteEndArray();
        }
        else if (secret && element.ValueKind == JsonValueKind.String)
        {
            json.WriteStringValue(Redacted);
        }
        else
        {
            element.WriteTo(json);
        }
    }

    private static bool IsSecretHeader(JsonElement element) =>
        element.TryGetProperty("key", out var key) && key.ValueKind == JsonValueKind.String && key.GetString() is { } name
        && SecretHeaderParts.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase));
}
