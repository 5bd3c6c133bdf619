using System.Threading.Channels;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Keeps one discovery stream to a service. While there is none, the proxy serves what it has and tries again with
/// growing, jittered pauses; the loss is logged once, and so is the return.
/// </summary>
/// <param name="role">What the service is, for people.</param>
/// <param name="target">Where it is.</param>
/// <param name="node">What the proxy says of itself.</param>
/// <param name="time">Clock.</param>
/// <param name="logger">For the loss and the return.</param>
internal abstract partial class DiscoveryClient(string role, DiscoveryTarget target, Node node, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const int MaxResponse = 64 * 1024 * 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Random _jitter = new((int)time.GetTimestamp());
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<bool> _subscriptionsChanged = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Task _run = Task.CompletedTask;
    private bool _lossIsKnown;
    private bool _hasAnswered;

    /// <summary>What is subscribed to and what came of it.</summary>
    protected AdsClientSession Session { get; } = new(node);

    /// <summary>Begins to ask.</summary>
    public void Start() => _run = Task.Run(RunAsync);

    /// <summary>What is to be subscribed to may have changed. For any thread.</summary>
    public void OnSubscriptionsChanged() => _subscriptionsChanged.Writer.TryWrite(true);

    /// <summary>Ends the stream.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    /// <summary>Opens a stream.</summary>
    protected abstract IDiscoveryCall Open(CallInvoker invoker, CancellationToken cancellation);

    /// <summary>Tells <see cref="Session"/> what is to be subscribed to now.</summary>
    protected abstract void UpdateSubscriptions();

    /// <summary>Puts an update into force. What is returned goes back as the reason of a NACK.</summary>
    protected abstract IReadOnlyList<AdsRejection> Apply(AdsUpdate update);

    /// <summary>An update was applied and answered.</summary>
    protected virtual void OnApplied(AdsUpdate update)
    {
    }

    /// <summary>The service answers, or does not any more.</summary>
    protected abstract void SetConnected(bool isConnected);

    /// <summary>There is no stream, or the one that there was ended; for each attempt.</summary>
    protected virtual void OnFailure()
    {
    }

    private async Task RunAsync()
    {
        var pause = FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await StreamAsync(_stop.Token);
                TellLoss($"the {role} ended the stream");
            }
            catch (RpcException error) when (!_stop.IsCancellationRequested)
            {
                // The detail is gRPC's view ("Error connecting to subchannel"); the cause below it says what to look for.
                TellLoss(error.Status.DebugException?.GetBaseException().Message ?? error.Status.Detail);
            }
            catch (Exception error) when (!_stop.IsCancellationRequested)
            {
                // Whatever it is, discovery must not end for good while traffic goes on.
                TellLoss(error.Message);
            }
            catch
            {
                return;
            }
            finally
            {
                Session.EndStream();
                SetConnected(false);
            }

            if (_stop.IsCancellationRequested)
            {
                return;
            }

            OnFailure();
            pause = _hasAnswered ? FirstPause : pause;
            _hasAnswered = false;
            try
            {
                // Full jitter between half and all of the pause: many proxies must not return in step.
                await Task.Delay(pause * (0.5 + (_jitter.NextDouble() / 2)), time, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            pause = pause * 2 > LongestPause ? LongestPause : pause * 2;
        }
    }

    private async Task StreamAsync(CancellationToken cancellation)
    {
        using var handler = target.Handler();
        using var channel = GrpcChannel.ForAddress(target.Next(), new GrpcChannelOptions { HttpHandler = handler, MaxReceiveMessageSize = MaxResponse });
        using var call = Open(target.InvokerOf(channel), cancellation);
        Session.BeginStream();
        UpdateSubscriptions();
        await SendDueAsync(call, cancellation);

        var response = call.ReceiveAsync(cancellation);
        var change = _subscriptionsChanged.Reader.WaitToReadAsync(cancellation).AsTask();
        while (true)
        {
            await Task.WhenAny(response, change);
            if (response.IsCompleted)
            {
                if (await response is not { } received)
                {
                    return;
                }

                Take(received);
                response = call.ReceiveAsync(cancellation);
            }

            if (change.IsCompleted)
            {
                await change;
                _subscriptionsChanged.Reader.TryRead(out _);
                change = _subscriptionsChanged.Reader.WaitToReadAsync(cancellation).AsTask();
                UpdateSubscriptions();
            }

            await SendDueAsync(call, cancellation);
        }
    }

    private void Take(DiscoveryResponse response)
    {
        _hasAnswered = true;
        if (_lossIsKnown)
        {
            _lossIsKnown = false;
            LogBack(logger, role, target.Text);
        }

        SetConnected(true);
        if (Session.Receive(response) is not { } update)
        {
            return;
        }

        var rejections = Apply(update);

        // Before the acknowledgement: the control plane then knows what the update made us ask for, and holds back what depends on it.
        UpdateSubscriptions();
        Session.Complete(update, rejections);
        OnApplied(update);
    }

    private async Task SendDueAsync(IDiscoveryCall call, CancellationToken cancellation)
    {
        while (Session.TryNext() is { } request)
        {
            await call.SendAsync(request, cancellation);
        }
    }

    private void TellLoss(string reason)
    {
        if (!_lossIsKnown)
        {
            _lossIsKnown = true;
            LogLost(logger, role, target.Text, reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "no {Role} at {Address}: {Reason}; what is configured stays in force, trying again until it answers")]
    private static partial void LogLost(ILogger logger, string role, string address, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the {Role} at {Address} answers again")]
    private static partial void LogBack(ILogger logger, string role, string address);
}
