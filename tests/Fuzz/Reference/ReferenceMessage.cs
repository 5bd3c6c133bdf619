namespace KubeProxyNet.Fuzz.Reference;

/// <summary>What a strict reader of RFC 9112 makes of some bytes.</summary>
internal enum Reading
{
    /// <summary>A whole message.</summary>
    Complete,

    /// <summary>The beginning of one, as far as it goes.</summary>
    Incomplete,

    /// <summary>No message.</summary>
    Malformed,
}

/// <summary>A field with its name in lower case.</summary>
internal readonly record struct ReferenceField(string Name, string Value);

/// <summary>A message as the reference reads it: Latin-1 text.</summary>
internal sealed class ReferenceMessage
{
    public Reading Reading { get; set; } = Reading.Incomplete;

    /// <summary>Why it is malformed.</summary>
    public string Problem { get; set; } = "";

    /// <summary>The start line without its end; empty until it was read.</summary>
    public string StartLine { get; set; } = "";

    public string Method { get; set; } = "";

    public string Target { get; set; } = "";

    public int Status { get; set; }

    public int MinorVersion { get; set; } = 1;

    public List<ReferenceField> Fields { get; } = [];

    /// <summary>True once the empty line behind the fields was read and the head is sound.</summary>
    public bool HasHead { get; set; }

    public bool IsChunked { get; set; }

    /// <summary>Content-Length; -1 without one.</summary>
    public long Length { get; set; } = -1;

    /// <summary>The payload as far as it came.</summary>
    public string Body { get; set; } = "";

    /// <summary>Bytes up to the end of the message; meaningful where it is complete.</summary>
    public int Consumed { get; set; }

    public IEnumerable<string> ValuesOf(string name) => Fields.Where(field => field.Name == name).Select(static field => field.Value);

    public bool Has(string name) => Fields.Exists(field => field.Name == name);
}
