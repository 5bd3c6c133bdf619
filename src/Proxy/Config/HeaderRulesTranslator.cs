using System.Text;
using Google.Protobuf.Collections;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Core.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns headers to add and remove into records.</summary>
internal static class HeaderRulesTranslator
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static HeaderRules Request(RepeatedField<Proto.HeaderValueOption> add, RepeatedField<string> remove, TranslationProblems problems, ConfigPath path) =>
        Translate(add, remove, problems, path.Field("request_headers_to_add"));

    public static HeaderRules Response(RepeatedField<Proto.HeaderValueOption> add, RepeatedField<string> remove, TranslationProblems problems, ConfigPath path) =>
        Translate(add, remove, problems, path.Field("response_headers_to_add"));

    private static HeaderRules Translate(RepeatedField<Proto.HeaderValueOption> add, RepeatedField<string> remove, TranslationProblems problems, ConfigPath path) =>
        add.Count == 0 && remove.Count == 0
            ? HeaderRules.None
            : new HeaderRules
            {
                Add = [.. add.Select((option, i) => Option(option, problems, path.Index(i)))],
                Remove = [.. remove],
            };

    private static HeaderValueOption Option(Proto.HeaderValueOption message, TranslationProblems problems, ConfigPath path)
    {
        var action = (HeaderAppendAction)message.AppendAction;
        if (message.Append is { } append)
        {
            if (action != HeaderAppendAction.AppendIfExistsOrAdd)
            {
                problems.Add(path.Field("append"), "excludes append_action, which is set too", "remove append, which is deprecated");
            }

            action = append ? HeaderAppendAction.AppendIfExistsOrAdd : HeaderAppendAction.OverwriteIfExistsOrAdd;
        }

        return new HeaderValueOption
        {
            Name = message.Header?.Key ?? "",
            Value = Value(message.Header, problems, path.Field("header")),
            AppendAction = action,
            KeepEmptyValue = message.KeepEmptyValue,
        };
    }

    private static string Value(Proto.HeaderValue? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null || message.RawValue.IsEmpty)
        {
            return message?.Value ?? "";
        }

        try
        {
            return Strict.GetString(message.RawValue.Span);
        }
        catch (DecoderFallbackException)
        {
            problems.Add(path.Field("raw_value"), "only values in UTF-8 are supported", "encode the value in UTF-8");
            return "";
        }
    }
}
