using System.Buffers.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Routing.Actions;

namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>The values of the <c>x-envoy-</c> headers that change a retry policy. What is not understood is left out, as Envoy does.</summary>
internal static class RetryConditions
{
    /// <summary>The conditions that look at a gRPC status.</summary>
    public const RetryOn OfGrpc =
        RetryOn.GrpcCancelled | RetryOn.GrpcDeadlineExceeded | RetryOn.GrpcInternal | RetryOn.GrpcResourceExhausted | RetryOn.GrpcUnavailable;

    /// <summary>The condition that the gRPC status among a response's headers meets; none where there is no such status.</summary>
    public static RetryOn OfGrpcStatus(ResponseHead head) =>
        !GrpcStatusHeader.TryGet(head, out var code) ? RetryOn.None : code switch
        {
            GrpcCode.Canceled => RetryOn.GrpcCancelled,
            GrpcCode.DeadlineExceeded => RetryOn.GrpcDeadlineExceeded,
            GrpcCode.ResourceExhausted => RetryOn.GrpcResourceExhausted,
            GrpcCode.Internal => RetryOn.GrpcInternal,
            GrpcCode.Unavailable => RetryOn.GrpcUnavailable,
            _ => RetryOn.None,
        };

    /// <summary>True where a response has a field of any name of a comma-separated list in lower case.</summary>
    public static bool HasAny(ResponseHead head, ReadOnlySpan<byte> names)
    {
        foreach (var range in names.Split((byte)','))
        {
            var name = names[range].Trim(" \t"u8);
            if (!name.IsEmpty && head.TryGet(name, out _))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A comma-separated list of conditions.</summary>
    public static RetryOn Parse(ReadOnlySpan<byte> list)
    {
        var result = RetryOn.None;
        foreach (var range in list.Split((byte)','))
        {
            result |= RetryOnNames.Find(list[range].Trim(" \t"u8));
        }

        return result;
    }

    /// <summary>A comma-separated list of numbers.</summary>
    public static void ParseNumbers(ReadOnlySpan<byte> list, List<int> numbers)
    {
        foreach (var range in list.Split((byte)','))
        {
            if (TryParseNumber(list[range].Trim(" \t"u8), out var number))
            {
                numbers.Add(number);
            }
        }
    }

    /// <summary>A number of 0 or more that is all of the text.</summary>
    public static bool TryParseNumber(ReadOnlySpan<byte> text, out int number) =>
        Utf8Parser.TryParse(text, out number, out var used) && used == text.Length && number >= 0;

    /// <summary>A whole number of seconds that is all of the text, small enough to count with in milliseconds.</summary>
    public static bool TryParseSeconds(ReadOnlySpan<byte> text, out long seconds) =>
        Utf8Parser.TryParse(text, out seconds, out var used) && used == text.Length && seconds is >= 0 and <= 1L << 40;
}
