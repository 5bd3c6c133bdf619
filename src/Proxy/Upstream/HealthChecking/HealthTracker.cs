namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>What a result did to an endpoint: Envoy's <c>HealthTransition</c>.</summary>
internal enum HealthTransition : byte
{
    /// <summary>It is what it was.</summary>
    Unchanged,

    /// <summary>A threshold is on its way.</summary>
    ChangePending,

    /// <summary>It is something else now.</summary>
    Changed,
}

/// <summary>Why a check failed: Envoy's <c>HealthCheckFailureType</c>.</summary>
internal enum HealthCheckFailure : byte
{
    /// <summary>The endpoint answered, and not as it should.</summary>
    Active,

    /// <summary>An ordinary response said so.</summary>
    Passive,

    /// <summary>There was no connection, it broke, or what came was no answer at all.</summary>
    Network,

    /// <summary>There was no whole answer in time.</summary>
    NetworkTimeout,
}

/// <summary>
/// Turns the results of checks into the health of one endpoint: thresholds and flags, without any I/O or time. One worker owns it. Source: Envoy's
/// <c>HealthCheckerImplBase::ActiveHealthCheckSession</c>.
/// </summary>
internal sealed class HealthTracker(HostHealth health, int unhealthyThreshold, int healthyThreshold)
{
    private int _successes;
    private int _failures;

    /// <summary>True until the first result.</summary>
    public bool IsFirst { get; private set; } = true;

    /// <summary>The endpoint answered as it should.</summary>
    public HealthTransition Succeed(bool isDegraded)
    {
        _failures = 0;
        var transition = HealthTransition.Unchanged;
        if (health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck))
        {
            // The first result of all decides at once, which makes a start fast.
            transition = HealthTransition.ChangePending;
            if (IsFirst || ++_successes == healthyThreshold)
            {
                health.Clear(HostHealthFlags.FailedActiveHealthCheck | HostHealthFlags.ActiveHealthCheckTimeout | HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
                transition = HealthTransition.Changed;
            }
        }
        else if (health.Clear(HostHealthFlags.ExcludedViaImmediateHealthCheckFail))
        {
            transition = HealthTransition.Changed;
        }

        transition = EndPending(transition);
        var isChange = isDegraded ? health.Set(HostHealthFlags.DegradedActiveHealthCheck) : health.Clear(HostHealthFlags.DegradedActiveHealthCheck);
        IsFirst = false;
        return isChange && transition == HealthTransition.Unchanged ? HealthTransition.Changed : transition;
    }

    /// <summary>The endpoint did not.</summary>
    /// <param name="failure">Why.</param>
    /// <param name="isRetriable">True for an answer that counts towards the threshold like a failure of the network.</param>
    public HealthTransition Fail(HealthCheckFailure failure, bool isRetriable)
    {
        _successes = 0;
        var transition = HealthTransition.Unchanged;
        if (!health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck))
        {
            transition = HealthTransition.ChangePending;
            if ((!IsOfNetwork(failure) && !isRetriable) || ++_failures == unhealthyThreshold)
            {
                health.Set(HostHealthFlags.FailedActiveHealthCheck);
                transition = HealthTransition.Changed;
            }
        }

        if (failure == HealthCheckFailure.NetworkTimeout && health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck))
        {
            health.Set(HostHealthFlags.ActiveHealthCheckTimeout);
        }
        else
        {
            health.Clear(HostHealthFlags.ActiveHealthCheckTimeout);
        }

        IsFirst = false;
        return EndPending(transition);
    }

    /// <summary>True where the endpoint gave no answer.</summary>
    public static bool IsOfNetwork(HealthCheckFailure failure) => failure is HealthCheckFailure.Network or HealthCheckFailure.NetworkTimeout;

    private HealthTransition EndPending(HealthTransition transition) =>
        health.Clear(HostHealthFlags.PendingActiveHealthCheck) ? HealthTransition.Changed : transition;
}
