namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Why a connect failed, in the words that Envoy's log has for it.</summary>
internal static class ConnectErrors
{
    /// <summary>The text of an errno of Linux; empty for 0.</summary>
    public static ReadOnlySpan<byte> Text(int errno) => errno switch
    {
        0 => default,
        13 => "delayed_connect_error:_Permission_denied"u8,
        99 => "delayed_connect_error:_Cannot_assign_requested_address"u8,
        101 => "delayed_connect_error:_Network_is_unreachable"u8,
        104 => "delayed_connect_error:_Connection_reset_by_peer"u8,
        110 => "delayed_connect_error:_Connection_timed_out"u8,
        111 => "delayed_connect_error:_Connection_refused"u8,
        113 => "delayed_connect_error:_No_route_to_host"u8,
        _ => "delayed_connect_error"u8,
    };
}
