using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on the PING frames of HTTP/2 connections. Source: Envoy's protocol.proto, which wants a millisecond at least.</summary>
internal static class KeepaliveRules
{
    private const int NanosecondsPerMillisecond = 1_000_000;

    public static void Check(KeepaliveSettings settings, ConfigPath path, ConfigProblems problems)
    {
        CheckAtLeastMillisecond(settings.Interval, path.Field("interval"), problems);
        CheckAtLeastMillisecond(settings.Timeout, path.Field("timeout"), problems);
        CheckAtLeastMillisecond(settings.ConnectionIdleInterval, path.Field("connection_idle_interval"), problems);
    }

    private static void CheckAtLeastMillisecond(Duration? duration, ConfigPath path, ConfigProblems problems)
    {
        // Negative ones are told of where all durations are looked at.
        if (duration is { Seconds: 0, Nanos: >= 0 and < NanosecondsPerMillisecond })
        {
            problems.Invalid(path, "is shorter than a millisecond", "write 0.001s or more, or leave it out");
        }
    }
}
