namespace KubeProxyNet.Xds.Protocol;

/// <summary>What a request of a proxy meant.</summary>
public enum AdsRequestKind
{
    /// <summary>The first request of a type, or one that changes what is subscribed to.</summary>
    Subscribed,

    /// <summary>The last response of the type was accepted. The subscription may have changed too.</summary>
    Acknowledged,

    /// <summary>The last response of the type was refused, in full or in part. The same resources are not sent again.</summary>
    Rejected,

    /// <summary>The request answers a response that is not the last one, and is passed over: the answer to the last one is on its way.</summary>
    Stale,

    /// <summary>The type is not one that is served here; the request is passed over.</summary>
    UnknownType,

    /// <summary>The request breaks the protocol; the stream should end with the status INVALID_ARGUMENT.</summary>
    Invalid,
}

/// <summary>What a request of a proxy meant, for logs and for the status of objects.</summary>
/// <param name="Kind">What it meant.</param>
/// <param name="TypeUrl">The type it is about.</param>
/// <param name="Version">The version that was acknowledged or rejected; empty for the other kinds.</param>
/// <param name="Detail">The proxy's reason for a rejection, or ours for an invalid request; empty for the other kinds. Written by the other side: not to be trusted.</param>
public sealed record AdsRequestResult(AdsRequestKind Kind, string TypeUrl, string Version, string Detail);
