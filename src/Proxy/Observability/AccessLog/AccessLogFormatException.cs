namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A format that cannot be compiled. The message names the place, what is wrong and what to write instead.</summary>
public sealed class AccessLogFormatException : Exception
{
    internal AccessLogFormatException(int position, string reason)
        : base($"access log format, character {position + 1}: {reason}")
    {
        Position = position;
        Reason = reason;
    }

    internal AccessLogFormatException(string path, AccessLogFormatException inner)
        : base($"access log format, {path}, character {inner.Position + 1}: {inner.Reason}", inner)
    {
        Path = path;
        Position = inner.Position;
        Reason = inner.Reason;
    }

    /// <summary>Keys of a JSON format that lead to the text, joined with dots; null for a text format.</summary>
    public string? Path { get; }

    /// <summary>Offset in the text, from 0, in characters.</summary>
    public int Position { get; }

    /// <summary>What is wrong and what to do, without the place.</summary>
    public string Reason { get; }
}
