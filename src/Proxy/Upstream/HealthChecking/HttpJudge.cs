using System.Text;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>Judges a response to a check by HTTP, whatever version it came by.</summary>
internal sealed class HttpJudge(ClusterHealthChecks cluster, HttpHealthCheck check)
{
    private PayloadSearch _search;
    private long _searched;
    private int _status;
    private bool _isDegraded;
    private bool _isImmediateFail;
    private bool _isRightService;

    /// <summary>Notes what matters of a head, whose bytes do not stay.</summary>
    public void TakeHead(ResponseHead head)
    {
        _search = new PayloadSearch(check.Receive);
        _searched = 0;
        _status = head.Status;
        _isDegraded = head.TryGet("x-envoy-degraded"u8, out _);
        _isImmediateFail = head.TryGet("x-envoy-immediate-health-check-fail"u8, out _);
        _isRightService = check.ServiceName is null || !cluster.Schedule.Verifies() || check.ServiceName.IsMatch(
            head.TryGet("x-envoy-upstream-healthchecked-cluster"u8, out var service) ? Encoding.UTF8.GetString(service) : "");
    }

    /// <summary>Looks at more of the body, as far as it is to be looked at.</summary>
    public void TakeBody(ReadOnlySpan<byte> payload)
    {
        var room = check.ResponseBufferSize == 0 ? payload.Length : (int)Math.Min(payload.Length, check.ResponseBufferSize - _searched);
        _search.Take(payload[..room]);
        _searched += room;
    }

    /// <summary>The response is whole.</summary>
    public ProbeResult Judge()
    {
        if (!_search.IsComplete)
        {
            return new ProbeResult(false, Failure: HealthCheckFailure.Active, IsExclusion: _isImmediateFail);
        }

        if (!Contains(check.ExpectedStatuses, _status))
        {
            return new ProbeResult(false, Failure: HealthCheckFailure.Active, IsRetriable: Contains(check.RetriableStatuses, _status), IsExclusion: _isImmediateFail);
        }

        if (check.ServiceName is not null)
        {
            cluster.Runner.Stats.Increment(cluster.Stats.VerifyCluster);
        }

        return _isRightService ? new ProbeResult(true, _isDegraded) : new ProbeResult(false, Failure: HealthCheckFailure.Active);
    }

    private static bool Contains(ValueList<StatusRange> ranges, int status)
    {
        for (var i = 0; i < ranges.Count; i++)
        {
            if (ranges[i].Contains(status))
            {
                return true;
            }
        }

        return false;
    }
}
