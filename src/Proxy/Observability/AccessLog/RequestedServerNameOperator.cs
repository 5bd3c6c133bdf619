namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// <c>%REQUESTED_SERVER_NAME(X:Y)%</c>. There is no SNI without TLS, so SNI_ONLY has no value, and both SNI_FIRST and HOST_FIRST show the
/// host: <c>x-envoy-original-host</c> (ORIG), <c>:authority</c> (HOST), or the first of them that is there (ORIG_OR_HOST). Characters that no host name has become underscores.
/// </summary>
internal sealed class RequestedServerNameOperator(bool host, bool original, bool current) : AccessLogOperator
{
    internal override AccessLogNeeds Needs => host ? AccessLogNeeds.RequestHead : AccessLogNeeds.None;

    internal static RequestedServerNameOperator Parse(AccessLogCommand command)
    {
        var parts = (command.Argument ?? "").Split(':');
        var source = parts.Length > 1 ? parts[1] : "";
        return parts.Length <= 2 && parts[0] is "" or "SNI_ONLY" or "SNI_FIRST" or "HOST_FIRST" && source is "" or "ORIG" or "HOST" or "ORIG_OR_HOST"
            ? new RequestedServerNameOperator(parts[0] is "SNI_FIRST" or "HOST_FIRST", source != "HOST", source != "ORIG")
            : throw command.Wrong("the argument is SNI_ONLY, SNI_FIRST or HOST_FIRST, then optionally a colon and ORIG, HOST or ORIG_OR_HOST");
    }

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        ReadOnlySpan<byte> name = default;
        if (!host || !((original && source.TryGetRequestHeader("x-envoy-original-host"u8, out name)) || (current && source.TryGetRequestHeader(":authority"u8, out name))))
        {
            return false;
        }

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
