namespace KubeProxyNet.Xds.Validation;

/// <summary>The words of messages that stand in several places.</summary>
internal static class ConfigText
{
    public const string RemoveIt = "remove it";

    public const string SendBinary = "send it in protobuf's binary form";

    public static string NotActedOn(string field) => $"\"{field}\" is a field of the xDS API that this proxy does not act on";

    public static (string Message, string Remedy) UnknownType(string typeUrl)
    {
        var name = typeUrl[(typeUrl.LastIndexOf('/') + 1)..];
        var nearest = NameSuggestion.Nearest(name, XdsTypes.All.Select(type => type.FullName));

        // Long packages make everything look alike.
        nearest = nearest is not null && NameSuggestion.Nearest(LastPart(name), [LastPart(nearest)]) is null ? null : nearest;
        return (
            $"the type \"{typeUrl}\" is not supported here",
            nearest is null ? "use a type that is, or remove what it configures" : $"did you mean \"{XdsTypeUrls.Prefix}{nearest}\"?");
    }

    private static string LastPart(string name) => name[(name.LastIndexOf('.') + 1)..];
}
