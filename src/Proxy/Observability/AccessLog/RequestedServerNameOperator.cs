namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// <c>%REQUESTED_SERVER_NAME(X:Y)%</c>. SNI_ONLY, the default, shows the name that the client asked for by TLS; SNI_FIRST goes on to the host where there
/// is none, HOST_FIRST begins with it. The host is <c>x-envoy-original-host</c> (ORIG), <c>:authority</c> (HOST), or the first of them that is there
/// (ORIG_OR_HOST). Characters that no host name has become underscores.
/// </summary>
internal sealed class RequestedServerNameOperator(bool host, bool hostFirst, bool original, bool current) : AccessLogOperator
{
    internal override AccessLogNeeds Needs => host ? AccessLogNeeds.RequestHead : AccessLogNeeds.None;

    internal static RequestedServerNameOperator Parse(AccessLogCommand command)
    {
        var parts = (command.Argument ?? "").Split(':');
        var source = parts.Length > 1 ? parts[1] : "";
        return parts.Length <= 2 && parts[0] is "" or "SNI_ONLY" or "SNI_FIRST" or "HOST_FIRST" && source is "" or "ORIG" or "HOST" or "ORIG_OR_HOST"
            ? new RequestedServerNameOperator(parts[0] is "SNI_FIRST" or "HOST_FIRST", parts[0] == "HOST_FIRST", source != "HOST", source != "ORIG")
            : throw command.Wrong("the argument is SNI_ONLY, SNI_FIRST or HOST_FIRST, then optionally a colon and ORIG, HOST or ORIG_OR_HOST");
    }

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var name = hostFirst ? default : source.RequestedServerName;
        if (name.IsEmpty && host)
        {
            name = HostOf(source);
        }

        return WriteName(name.IsEmpty ? source.RequestedServerName : name, ref sink);
    }

    private ReadOnlySpan<byte> HostOf(IAccessLogSource source) =>
        (original && source.TryGetRequestHeader("x-envoy-original-host"u8, out var name)) || (current && source.TryGetRequestHeader(":authority"u8, out name)) ? name : default;

    private static bool WriteName(ReadOnlySpan<byte> name, ref FormatSink sink)
    {
        // RFC 1035 §2.3.4: a name has at most 255 octets.
        Span<byte> clean = stackalloc byte[256];
        name = name[..Math.Min(name.Length, clean.Length)];
        for (var i = 0; i < name.Length; i++)
        {
            clean[i] = char.IsAsciiLetterOrDigit((char)name[i]) || name[i] is (byte)'.' or (byte)'-' or (byte)':' or (byte)'[' or (byte)']' ? name[i] : (byte)'_';
        }

        sink.Value(clean[..name.Length]);
        return !name.IsEmpty;
    }
}
