using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Routing.Headers;

/// <summary>
/// Header changes of one level: Envoy's <c>request_headers_to_add</c> and <c>…_to_remove</c> (or the response ones).
/// Within a level removals come first, then overwrites, then additions.
/// </summary>
public sealed record HeaderRules
{
    /// <summary>No change.</summary>
    public static HeaderRules None { get; } = new();

    /// <summary>Headers to set.</summary>
    public ImmutableArray<HeaderValueOption> Add { get; init; } = [];

    /// <summary>Names to remove, in any letter case; not <c>host</c> nor a pseudo-header.</summary>
    public ImmutableArray<string> Remove { get; init; } = [];

    /// <summary>True where nothing changes.</summary>
    public bool IsEmpty => Add.IsEmpty && Remove.IsEmpty;
}

/// <summary>One header to set: Envoy's <c>config.core.v3.HeaderValueOption</c>.</summary>
public sealed record HeaderValueOption
{
    /// <summary>Header name in any letter case; not <c>host</c>, a pseudo-header, or one that frames the message.</summary>
    public required string Name { get; init; }

    /// <summary>The value; <c>%%</c> stands for '%', <c>%NAME%</c> for what the access log's operator of that name shows.</summary>
    public required string Value { get; init; }

    /// <summary>What happens where the header is there already.</summary>
    public HeaderAppendAction AppendAction { get; init; }

    /// <summary>True to set an empty value; by default an empty value changes nothing.</summary>
    public bool KeepEmptyValue { get; init; }
}

/// <summary>Envoy's <c>HeaderValueOption.HeaderAppendAction</c>, same numbers.</summary>
public enum HeaderAppendAction
{
    /// <summary>Adds one more field.</summary>
    AppendIfExistsOrAdd = 0,

    /// <summary>Adds the field only where there is none.</summary>
    AddIfAbsent = 1,

    /// <summary>Replaces all fields of the name by this one.</summary>
    OverwriteIfExistsOrAdd = 2,

    /// <summary>Replaces fields of the name where there are any.</summary>
    OverwriteIfExists = 3,
}
