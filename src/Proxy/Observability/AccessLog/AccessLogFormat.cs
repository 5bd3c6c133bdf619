using System.Text.Json;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// A compiled access log format: Envoy's format strings and JSON dictionaries. Compiled when the configuration is built; formatting
/// allocates nothing and is thread-safe.
/// </summary>
/// <remarks>
/// Nothing that a client or an upstream sends can forge a line or a field. In text, <c>"</c> and <c>\</c> get a backslash and every byte
/// outside printable ASCII becomes <c>\xNN</c>; in JSON, strings are escaped as JSON asks, control characters as <c>\u00NN</c>, and bytes
/// that are not UTF-8 become U+FFFD.
/// </remarks>
public abstract class AccessLogFormat
{
    /// <summary>Envoy's default format string.</summary>
    public const string DefaultText =
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
        + "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" "
        + "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

    /// <summary>The longest line that is ever written, in bytes.</summary>
    public const int MaxLineLength = 64 * 1024;

    private protected AccessLogFormat()
    {
    }

    /// <summary>The format of <see cref="DefaultText"/>.</summary>
    public static AccessLogFormat Default { get; } = Parse(DefaultText);

    /// <summary>Compiles a format string. A line ends only where the text says so.</summary>
    /// <param name="text">The format, for example <see cref="DefaultText"/>.</param>
    /// <param name="omitEmptyValues">Shows nothing instead of <c>-</c> where there is no value (<c>omit_empty_values</c>).</param>
    /// <exception cref="AccessLogFormatException">The text is no valid format; the message says where and what to do.</exception>
    public static AccessLogFormat Parse(string text, bool omitEmptyValues = false) =>
        new TextAccessLogFormat(AccessLogFormatParser.Parse(text), omitEmptyValues);

    /// <summary>
    /// Compiles a JSON format (<c>json_format</c>): an object whose strings are format strings; other objects and arrays nest, numbers,
    /// booleans and null stay. Names are sorted by their bytes, as in Envoy. A string that is one operator keeps the operator's type: a number for numbers, null where there is no value.
    /// Each line is one object and ends with a line feed.
    /// </summary>
    /// <param name="format">The object; used only during the call.</param>
    /// <param name="omitEmptyValues">Leaves out keys without a value (<c>omit_empty_values</c>).</param>
    /// <exception cref="AccessLogFormatException">It is no object, or a string in it is no valid format.</exception>
    public static AccessLogFormat ParseJson(JsonElement format, bool omitEmptyValues = false) =>
        new JsonAccessLogFormat(format, omitEmptyValues);

    /// <summary>What must be kept of an exchange for its line.</summary>
    public abstract AccessLogNeeds Needs { get; }

    /// <summary>
    /// Writes the line of one request. False, with nothing of use written, where <paramref name="destination"/> is too small; with
    /// <see cref="MaxLineLength"/> bytes of room it is false only for formats that are themselves of that size, since long values are cut.
    /// </summary>
    public bool TryFormat(IAccessLogSource source, Span<byte> destination, out int written)
    {
        if (TryFormat(source, destination, int.MaxValue, out written))
        {
            return true;
        }

        // With all room there is, the line is too long, not the room too small: a request must not escape the log by its size.
        return destination.Length >= MaxLineLength
            && (TryFormat(source, destination, 1024, out written) || TryFormat(source, destination, 64, out written));
    }

    private protected abstract void Write(IAccessLogSource source, ref FormatSink sink);

    private protected abstract ValueEscaping Escaping { get; }

    private bool TryFormat(IAccessLogSource source, Span<byte> destination, int valueLimit, out int written)
    {
        var sink = new FormatSink(destination[..Math.Min(destination.Length, MaxLineLength)], Escaping, valueLimit);
        Write(source, ref sink);
        written = sink.Overflowed ? 0 : sink.Written;
        return !sink.Overflowed;
    }
}
