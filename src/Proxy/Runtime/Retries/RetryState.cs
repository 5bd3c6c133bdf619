using System.Buffers;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>What a retry policy says of a failed attempt.</summary>
internal enum RetryVerdict : byte
{
    /// <summary>The policy does not cover it.</summary>
    No,

    /// <summary>Wait for <see cref="RetryState.NextDelayMs"/>, then send it again.</summary>
    Retry,

    /// <summary>It was sent as often as it may be.</summary>
    LimitExceeded,

    /// <summary>The cluster has too many retries under way.</summary>
    Overflow,
}

/// <summary>
/// The retries of one exchange: Envoy's policy (documentation, "Router: retry semantics") with what the request's headers change of it. Used again by
/// the exchanges that follow.
/// </summary>
internal sealed class RetryState
{
    /// <summary>Longest wait that an upstream may ask for by a reset header, as Envoy's default.</summary>
    private const long DefaultMaxAskedMs = 300_000;

    private const ulong DefaultBackOffMs = 25;

    private static readonly RuntimeShare All = new(100, 100);

    private Worker _worker = null!;
    private ClusterState _cluster = null!;
    private CircuitBreaker _breaker = null!;
    private RetryPolicy _policy = null!;
    private RuntimeValues _runtime = RuntimeValues.Empty;
    private RetryOn _on;
    private int _left;
    private long _intervalMs;
    private long _maxIntervalMs;
    private long _askedMs;
    private bool _isRetrying;
    private bool _mayReplay;
    private readonly List<int> _statusCodes = [];
    private readonly ArrayBufferWriter<byte> _headerNames = new();
    private CompiledRetryHeaders? _headers;
    private PreviousPriorities? _priorities;

    /// <summary>True where the exchange has a policy and the request can still be sent again.</summary>
    public bool IsActive => _on != RetryOn.None && _mayReplay;

    /// <summary>True once an attempt after the first was decided on.</summary>
    public bool HasRetried { get; private set; }

    /// <summary>What leaves out priorities; null where the policy does not ask for it.</summary>
    public PreviousPriorities? Priorities => _policy.PriorityUpdateFrequency > 0 ? _priorities : null;

    /// <summary>Takes on an exchange. False where neither its route nor its headers ask for retries.</summary>
    public bool TryBegin(Worker worker, RetryPolicy? policy, CompiledRetryHeaders? headers, RequestHead request, ClusterState cluster, CircuitBreaker breaker, RuntimeValues runtime)
    {
        _worker = worker;
        _runtime = runtime;
        _cluster = cluster;
        _breaker = breaker;
        _policy = policy ?? RetryPolicy.None;
        _on = _policy.RetryOn;
        _left = _policy.NumRetries;
        _headers = headers;
        _headerNames.ResetWrittenCount();
        _statusCodes.Clear();
        foreach (var code in _policy.RetriableStatusCodes)
        {
            _statusCodes.Add(code);
        }

        if (request.Present.Contains(KnownHeader.XEnvoyControl))
        {
            TakeHeaders(request);
        }

        if (headers?.Covers(request) == false)
        {
            _on = RetryOn.None;
        }

        if (_policy.PriorityUpdateFrequency > 0)
        {
            (_priorities ??= new PreviousPriorities()).Begin();
        }

        _intervalMs = 0;
        _isRetrying = HasRetried = false;
        _mayReplay = true;
        return _on != RetryOn.None;
    }

    /// <summary>The request has grown beyond what is kept of it: it is sent this once.</summary>
    public void GiveUpReplay()
    {
        if (_mayReplay)
        {
            _mayReplay = false;
            _worker.Stats.Increment(_cluster.Stats.RetryOrShadowAbandoned);
        }
    }

    /// <summary>Judges an attempt without a response.</summary>
    /// <param name="failure">What became of it.</param>
    /// <param name="wasSent">True where the endpoint may have seen some of the request.</param>
    public RetryVerdict Judge(UpstreamFailure failure, bool wasSent)
    {
        var applies = failure switch
        {
            UpstreamFailure.None or UpstreamFailure.Aborted or UpstreamFailure.Overflow => false,
            _ when Has(RetryOn.Reset | RetryOn.ServerError | RetryOn.GatewayError) => true,
            UpstreamFailure.ConnectFailure or UpstreamFailure.ConnectTimeout => Has(RetryOn.ConnectFailure | RetryOn.ResetBeforeRequest),
            UpstreamFailure.RefusedStream => Has(RetryOn.RefusedStream),
            _ => Has(RetryOn.ResetBeforeRequest) && !wasSent,
        };
        _askedMs = 0;
        return Decide(applies);
    }

    /// <summary>Judges a response by its head.</summary>
    public RetryVerdict Judge(ResponseHead head) => Decide(Covers(head));

    /// <summary>Judges an attempt that takes too long and goes on: whether another one is made beside it, whatever the policy's conditions are, as in Envoy.</summary>
    public RetryVerdict JudgeSoftTimeout()
    {
        _askedMs = 0;
        return Decide(applies: true);
    }

    /// <summary>True where a response with this head is one that the policy's conditions mean.</summary>
    public bool Covers(ResponseHead head)
    {
        _askedMs = 0;

        // One that sheds load would only get more of it: such answers are final, whatever the policy says.
        if (head.TryGet("x-envoy-overloaded"u8, out _))
        {
            return false;
        }

        if (head.TryGet("x-envoy-ratelimited"u8, out _))
        {
            _askedMs = AskedDelayMs(head);
            return Has(RetryOn.EnvoyRateLimited);
        }

        var status = head.Status;
        var applies = (Has(RetryOn.ServerError) && status >= 500)
            || (Has(RetryOn.GatewayError) && status is >= 502 and <= 504)
            || (Has(RetryOn.Retriable4xx) && status == 409)
            || (Has(RetryOn.RetriableStatusCodes) && _statusCodes.Contains(status))
            || (Has(RetryOn.RetriableHeaders) && (_headers?.Covers(head) == true || RetryConditions.HasAny(head, _headerNames.WrittenSpan)))
            || (Has(RetryConditions.OfGrpc) && Has(RetryConditions.OfGrpcStatus(head)));
        if (applies)
        {
            _askedMs = AskedDelayMs(head);
        }

        return applies;
    }

    /// <summary>How long to wait before the next attempt: full jitter below an interval that doubles, or what the upstream asked for and a little more.</summary>
    public long NextDelayMs()
    {
        var stats = _cluster.Stats;
        if (_askedMs > 0)
        {
            _worker.Stats.Increment(stats.RetryBackOffRateLimited);
            return _askedMs + (long)(_worker.Random.Next() % (ulong)Math.Max(1, _askedMs / 2));
        }

        _worker.Stats.Increment(stats.RetryBackOffExponential);
        if (_intervalMs == 0)
        {
            _intervalMs = Math.Max(1, (long)(_policy.BackOffBase?.TotalMilliseconds ?? Math.Min(_runtime.IntegerOf("upstream.base_retry_backoff_ms", DefaultBackOffMs), int.MaxValue)));
            _maxIntervalMs = Math.Max(_intervalMs, (long)(_policy.BackOffMax?.TotalMilliseconds ?? 10 * _intervalMs));
        }

        var delay = (long)(_worker.Random.Next() % (ulong)_intervalMs);
        _intervalMs = Math.Min(2 * _intervalMs, _maxIntervalMs);
        return delay;
    }

    /// <summary>A response goes to the client that was not judged here: the retry under way, if there is one, is over.</summary>
    public void Conclude() => ReleaseSlot();

    /// <summary>The exchange has ended.</summary>
    public void End()
    {
        ReleaseSlot();
        _cluster = null!;
        _breaker = null!;
        _policy = null!;
        _runtime = RuntimeValues.Empty;
        _headers = null;
        _on = RetryOn.None;
    }

    private RetryVerdict Decide(bool applies)
    {
        if (_isRetrying && !applies)
        {
            _worker.Stats.Increment(_cluster.Stats.RequestRetrySuccess);
        }

        ReleaseSlot();
        if (!applies || !IsActive)
        {
            return RetryVerdict.No;
        }

        if (_left == 0)
        {
            _worker.Stats.Increment(_cluster.Stats.RequestRetryLimitExceeded);
            return RetryVerdict.LimitExceeded;
        }

        _left--;
        if (!_breaker.TryTakeRetry())
        {
            _worker.Stats.Increment(_cluster.Stats.RequestRetryOverflow);
            return RetryVerdict.Overflow;
        }

        if (_runtime.ShareOf("upstream.use_retry", All) is var share && share != All && _worker.Random.Next() % share.Denominator >= share.Numerator)
        {
            _breaker.ReturnRetry();
            return RetryVerdict.No;
        }

        _isRetrying = HasRetried = true;
        _worker.Stats.Increment(_cluster.Stats.RequestRetry);
        return RetryVerdict.Retry;
    }

    private void ReleaseSlot()
    {
        if (_isRetrying)
        {
            _isRetrying = false;
            _breaker.ReturnRetry();
        }
    }

    private bool Has(RetryOn any) => (_on & any) != RetryOn.None;

    private void TakeHeaders(RequestHead request)
    {
        if (request.TryGet("x-envoy-retry-on"u8, out var conditions))
        {
            _on |= RetryConditions.Parse(conditions) & ~RetryConditions.OfGrpc;
        }

        if (request.TryGet("x-envoy-retry-grpc-on"u8, out conditions))
        {
            _on |= RetryConditions.Parse(conditions) & RetryConditions.OfGrpc;
        }

        if (request.TryGet("x-envoy-max-retries"u8, out var text) && RetryConditions.TryParseNumber(text, out var retries))
        {
            _left = retries;
        }

        if (request.TryGet("x-envoy-retriable-status-codes"u8, out var codes))
        {
            RetryConditions.ParseNumbers(codes, _statusCodes);
        }

        if (request.TryGet("x-envoy-retriable-header-names"u8, out var names))
        {
            // Kept, since the field is taken out of the request; in lower case, as names are in heads.
            System.Text.Ascii.ToLower(names, _headerNames.GetSpan(names.Length), out var length);
            _headerNames.Advance(length);
        }
    }

    private long AskedDelayMs(ResponseHead head)
    {
        if (_policy.RateLimited is not { } limited)
        {
            return 0;
        }

        foreach (var reset in limited.ResetHeaders)
        {
            if (!head.TryGet(reset.NameText, out var text) || !RetryConditions.TryParseSeconds(text, out var seconds))
            {
                continue;
            }

            var delay = reset.IsTimestamp ? seconds - (_worker.WallClockTicks / TimeSpan.TicksPerSecond) + UnixEpochSeconds : seconds;
            var delayMs = delay * 1000;
            if (delay > 0 && delayMs <= (long)(limited.MaxInterval?.TotalMilliseconds ?? DefaultMaxAskedMs))
            {
                return delayMs;
            }
        }

        return 0;
    }

    private static readonly long UnixEpochSeconds = DateTime.UnixEpoch.Ticks / TimeSpan.TicksPerSecond;
}
