using System.Diagnostics;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>
/// Looks at memory and connections at a fixed interval, and whenever the workers have used up what they were allowed to take until then, and sets what is in force. An action that
/// has set in goes on until pressure has fallen by <see cref="Hysteresis"/> below its threshold, so that it does not flutter. Each change is logged.
/// </summary>
internal sealed partial class OverloadMonitor : IDisposable
{
    /// <summary>How far pressure must fall below a threshold for its action to end.</summary>
    public const double Hysteresis = 0.03;

    /// <summary>A collection stops every worker: the next one comes after this many times what it took, or after <see cref="ShrinkInterval"/>.</summary>
    private const int ShrinkPause = 20;

    /// <summary>Of the ceiling: with less of it left, memory is scarce already.</summary>
    private const int LeastAllowance = 100;

    private static readonly TimeSpan ShrinkInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ShortShrinkInterval = TimeSpan.FromSeconds(1);

    private readonly OverloadConfig _config;
    private readonly OverloadState _state;
    private readonly DownstreamConnectionLimit _connections;
    private readonly Func<long> _residentMemory;
    private readonly Action _resetLargest;
    private readonly Func<Task> _giveBackUnused;
    private readonly MemoryAllowance _allowance;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly bool[] _isActive;
    private readonly long _maxMemory;
    private readonly double _scarceFrom;
    private readonly ITimer _timer;
    private long _shrunkAt;
    private TimeSpan _shrinkTook;
    private bool _isShrinking;
    private bool _isDisposed;
    private int _isLookAsked;
    private int _memoryPercent;

    /// <summary>Starts watching.</summary>
    /// <param name="config">Thresholds.</param>
    /// <param name="state">What the workers read.</param>
    /// <param name="connections">All client connections.</param>
    /// <param name="residentMemory">Memory in use, in bytes.</param>
    /// <param name="resetLargest">Resets the connections that hold the most.</param>
    /// <param name="giveBackUnused">Lets go of buffers that are kept for later; over when all are.</param>
    /// <param name="allowance">What the workers may take until the next look.</param>
    /// <param name="registry">Where pressure is shown.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Told of each change.</param>
    public OverloadMonitor(
        OverloadConfig config,
        OverloadState state,
        DownstreamConnectionLimit connections,
        Func<long> residentMemory,
        Action resetLargest,
        Func<Task> giveBackUnused,
        MemoryAllowance allowance,
        StatRegistry registry,
        TimeProvider time,
        ILogger logger)
    {
        _config = config;
        _state = state;
        _connections = connections;
        _residentMemory = residentMemory;
        _resetLargest = resetLargest;
        _giveBackUnused = giveBackUnused;
        _allowance = allowance;
        _time = time;
        _logger = logger;
        _isActive = new bool[config.Actions.Length];
        _maxMemory = config.MaxMemoryBytes > 0 ? config.MaxMemoryBytes : ProcessMemory.Granted();
        _memoryPercent = PercentOf(residentMemory());
        _scarceFrom = config.Actions.Where(static trigger => trigger.Resource == OverloadResource.Memory && Restrains(trigger.Action)).Select(static trigger => trigger.From).DefaultIfEmpty(double.MaxValue).Min();
        allowance.UsedUp = LookSoon;
        allowance.Renew(AllowanceAt(residentMemory()));
        state.Observe(registry);
        registry.Observe($"overload.{OverloadNames.FixedHeap}.pressure", () => _memoryPercent);
        registry.Observe($"overload.{OverloadNames.DownstreamConnections}.pressure", () => (long)(100 * ConnectionPressure));
        _timer = time.CreateTimer(static monitor => ((OverloadMonitor)monitor!).Refresh(), this, config.RefreshInterval, config.RefreshInterval);
    }

    private double ConnectionPressure => _connections.Limit <= 0 ? 0 : (double)_connections.Open / _connections.Limit;

    /// <summary>Looks once.</summary>
    public void Refresh()
    {
        lock (_isActive)
        {
            if (_isDisposed)
            {
                return;
            }

            var resident = _residentMemory();
            var memory = _maxMemory > 0 ? (double)resident / _maxMemory : 0;
            _memoryPercent = PercentOf(resident);
            foreach (var action in Enum.GetValues<OverloadAction>())
            {
                SetDegree(action, memory);
            }

            var isScarce = IsShort(static action => Restrains(action));
            _allowance.Renew(isScarce ? 0 : AllowanceAt(resident));
            if (_state.IsActive(OverloadAction.ResetHighMemoryStream))
            {
                _resetLargest();
            }

            if (_state.IsActive(OverloadAction.ShrinkHeap) || IsShort(static _ => true))
            {
                Shrink(isScarce ? ShortShrinkInterval : ShrinkInterval);
            }
        }
    }

    /// <summary>Ends the watch; no look is under way any more when this returns, so that workers may end.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_isActive)
        {
            _isDisposed = true;
        }
    }

    private void SetDegree(OverloadAction action, double memory)
    {
        var degree = 0.0;
        var isConfigured = false;
        for (var i = 0; i < _config.Actions.Length; i++)
        {
            var trigger = _config.Actions[i];
            if (trigger.Action == action)
            {
                isConfigured = true;
                var pressure = trigger.Resource == OverloadResource.Memory ? memory : ConnectionPressure;
                degree = Math.Max(degree, DegreeOf(trigger, pressure, ref _isActive[i]));
            }
        }

        if (!isConfigured)
        {
            return;
        }

        var before = _state.Percent(action);
        _state.Set(action, degree);
        if (before == 0 && degree > 0)
        {
            LogSetIn(_logger, OverloadNames.Of(action), (int)(100 * memory), (int)(100 * ConnectionPressure));
        }
        else if (before > 0 && degree <= 0)
        {
            LogEnded(_logger, OverloadNames.Of(action), (int)(100 * memory), (int)(100 * ConnectionPressure));
        }
    }

    private int PercentOf(long resident) => _maxMemory > 0 ? (int)(100.0 * resident / _maxMemory) : 0;

    /// <summary>The actions that turn something away for want of memory.</summary>
    private static bool Restrains(OverloadAction action) => action is not (OverloadAction.DisableHttpKeepAlive or OverloadAction.ShrinkHeap);

    /// <summary>What the workers may take until the first of those actions would set in; 0 where that is next to nothing.</summary>
    private long AllowanceAt(long resident)
    {
        if (_maxMemory <= 0 || _scarceFrom >= double.MaxValue)
        {
            return long.MaxValue;
        }

        var left = (long)(_scarceFrom * _maxMemory) - resident;
        return left > _maxMemory / LeastAllowance ? left : 0;
    }

    /// <summary>The workers have taken what they may: called by one of them, so that the look is another thread's.</summary>
    private void LookSoon()
    {
        if (Interlocked.Exchange(ref _isLookAsked, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static monitor => monitor.LookNow(), this, preferLocal: false);
        }
    }

    private void LookNow()
    {
        Volatile.Write(ref _isLookAsked, 0);
        Refresh();
    }

    private bool IsShort(Func<OverloadAction, bool> counts)
    {
        for (var i = 0; i < _isActive.Length; i++)
        {
            if (_isActive[i] && _config.Actions[i].Resource == OverloadResource.Memory && counts(_config.Actions[i].Action))
            {
                return true;
            }
        }

        return false;
    }

    private static double DegreeOf(OverloadTrigger trigger, double pressure, ref bool isActive)
    {
        isActive = pressure >= (isActive ? trigger.From - Hysteresis : trigger.From);
        return !isActive ? 0
            : trigger.Full <= trigger.From || pressure >= trigger.Full ? 1
            : Math.Max((pressure - trigger.From) / (trigger.Full - trigger.From), 1.0 / OverloadState.Always);
    }

    /// <summary>Memory that nothing uses any more counts as ours until the collector gives it back.</summary>
    private void Shrink(TimeSpan interval)
    {
        var pause = TimeSpan.FromTicks(Math.Clamp(_shrinkTook.Ticks * ShrinkPause, interval.Ticks, ShrinkInterval.Ticks));
        if (!_isShrinking && (_shrunkAt == 0 || _time.GetElapsedTime(_shrunkAt) >= pause))
        {
            _isShrinking = true;
            _ = ShrinkAsync();
        }
    }

    private async Task ShrinkAsync()
    {
        try
        {
            // What the workers still keep cannot be collected.
            await _giveBackUnused().WaitAsync(ShortShrinkInterval, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var began = Stopwatch.GetTimestamp();
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            _shrinkTook = Stopwatch.GetElapsedTime(began);
        }
        finally
        {
            lock (_isActive)
            {
                _shrunkAt = _time.GetTimestamp();
                _isShrinking = false;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "overload: {Action} sets in; memory {Memory} % of its ceiling, connections {Connections} % of theirs")]
    private static partial void LogSetIn(ILogger logger, string action, int memory, int connections);

    [LoggerMessage(Level = LogLevel.Information, Message = "overload: {Action} has ended; memory {Memory} % of its ceiling, connections {Connections} % of theirs")]
    private static partial void LogEnded(ILogger logger, string action, int memory, int connections);
}
