using System.Buffers.Text;
using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>The values of the <c>x-envoy-</c> headers that change a retry policy. What is not understood is left out, as Envoy does.</summary>
internal static class RetryConditions
{
    /// <summary>A comma-separated list of conditions.</summary>
    public static RetryOn Parse(ReadOnlySpan<byte> list)
    {
        var result = RetryOn.None;
        foreach (var range in list.Split((byte)','))
        {
            result |= Condition(list[range].Trim(" \t"u8));
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

    private static RetryOn Condition(ReadOnlySpan<byte> name) => name switch
    {
        _ when name.SequenceEqual("5xx"u8) => RetryOn.ServerError,
        _ when name.SequenceEqual("gateway-error"u8) => RetryOn.GatewayError,
        _ when name.SequenceEqual("reset"u8) => RetryOn.Reset,
        _ when name.SequenceEqual("reset-before-request"u8) => RetryOn.ResetBeforeRequest,
        _ when name.SequenceEqual("connect-failure"u8) => RetryOn.ConnectFailure,
        _ when name.SequenceEqual("envoy-ratelimited"u8) => RetryOn.EnvoyRateLimited,
        _ when name.SequenceEqual("retriable-4xx"u8) => RetryOn.Retriable4xx,
        _ when name.SequenceEqual("refused-stream"u8) => RetryOn.RefusedStream,
        _ when name.SequenceEqual("retriable-status-codes"u8) => RetryOn.RetriableStatusCodes,
        _ when name.SequenceEqual("cancelled"u8) => RetryOn.GrpcCancelled,
        _ when name.SequenceEqual("deadline-exceeded"u8) => RetryOn.GrpcDeadlineExceeded,
        _ when name.SequenceEqual("internal"u8) => RetryOn.GrpcInternal,
        _ when name.SequenceEqual("resource-exhausted"u8) => RetryOn.GrpcResourceExhausted,
        _ when name.SequenceEqual("unavailable"u8) => RetryOn.GrpcUnavailable,
        _ => RetryOn.None,
    };
}
