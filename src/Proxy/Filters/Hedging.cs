using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Makes another attempt beside one that takes longer than <c>per_try_timeout</c> (Envoy documentation, "Request hedging"). The first response that the retry
/// policy does not refuse goes to the client, and the other attempts end. Only a request that is here as a whole is sent so, since none of an attempt's time
/// passes before its end and since <see cref="RetryState"/> has no more retries for one that was not kept.
/// </summary>
internal static class Hedging
{
    /// <summary>The time of an attempt has passed, and it goes on.</summary>
    public static void OnSoftTimeout(UpstreamAttempt attempt)
    {
        attempt.HasSoftlyTimedOut = false;
        OutlierReports.SoftlyTimedOut(attempt);
        var exchange = attempt.Exchange;
        switch (exchange.Retry?.JudgeSoftTimeout() ?? RetryVerdict.No)
        {
            case RetryVerdict.Retry:
                attempt.IsHedged = true;
                RunAsync(exchange.BeginHedge()).Detach();
                break;
            case RetryVerdict.LimitExceeded:
                exchange.Flags |= ResponseFlags.UpstreamRetryLimitExceeded;
                break;
            case RetryVerdict.Overflow:
                exchange.Flags |= ResponseFlags.UpstreamOverflow;
                break;
        }
    }

    private static async LoopTask RunAsync(UpstreamAttempt attempt)
    {
        try
        {
            await Router.RunAsync(attempt, waits: true);
        }
        finally
        {
            attempt.Exchange.Hedged!.End(attempt);
        }
    }
}
