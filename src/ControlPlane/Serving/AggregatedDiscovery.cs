using Envoy.Service.Discovery.V3;
using Grpc.Core;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.Xds.Protocol;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>
/// The aggregated discovery service: one stream for each proxy, state-of-the-world variant. What to send and when is decided by
/// <see cref="AdsServerSession"/>; here bytes go in and out, one stream on one task at a time.
/// </summary>
/// <param name="snapshots">The snapshots to serve.</param>
/// <param name="proxies">Takes down who is connected and what they answered.</param>
/// <param name="timeProvider">The clock.</param>
/// <param name="stopping">Ends every stream.</param>
internal sealed class AggregatedDiscovery(SnapshotCache snapshots, ConnectedProxies proxies, TimeProvider timeProvider, CancellationToken stopping)
    : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
{
    /// <summary>The group whose snapshot every proxy gets.</summary>
    public const string Group = "default";

    private const int MaxStreams = 10_000;

    private int _streams;

    public override async Task StreamAggregatedResources(
        IAsyncStreamReader<DiscoveryRequest> requestStream,
        IServerStreamWriter<DiscoveryResponse> responseStream,
        ServerCallContext context)
    {
        if (Interlocked.Increment(ref _streams) > MaxStreams)
        {
            Interlocked.Decrement(ref _streams);
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"more than {MaxStreams} streams"));
        }

        var id = proxies.Add();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping, context.CancellationToken);
        try
        {
            await ServeAsync(id, requestStream, responseStream, ended.Token, context.CancellationToken);
        }
        catch (Exception fault) when (ended.IsCancellationRequested && fault is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The proxy went away, or we do. The proxy hears the difference.
            if (stopping.IsCancellationRequested)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "the control plane is shutting down"));
            }
        }
        finally
        {
            await ended.CancelAsync();
            proxies.Remove(id);
            Interlocked.Decrement(ref _streams);
        }
    }

    private async Task ServeAsync(
        long id,
        IAsyncStreamReader<DiscoveryRequest> requests,
        IServerStreamWriter<DiscoveryResponse> responses,
        CancellationToken ended,
        CancellationToken aborted)
    {
        var session = new AdsServerSession("kpn control-plane");
        var newer = new ChangeSignal(timeProvider);
        using var watch = snapshots.Watch(Group, newer.Raise);
        newer.Raise();

        // Only the wait ends when we stop: a read or write that is cancelled resets the stream, and the proxy would not hear why.
        var snapshot = newer.WaitAsync(Timeout.InfiniteTimeSpan, ended);
        var request = requests.MoveNext(aborted);
        while (true)
        {
            await Task.WhenAny(snapshot, request);
            if (snapshot.IsCompleted)
            {
                await snapshot;
                if (snapshots.Get(Group) is { } latest)
                {
                    session.SetSnapshot(latest);
                }

                snapshot = newer.WaitAsync(Timeout.InfiniteTimeSpan, ended);
            }

            if (request.IsCompleted)
            {
                if (!await request)
                {
                    return;
                }

                Receive(id, session, requests.Current);
                request = requests.MoveNext(aborted);
            }

            while (session.TryNext() is { } response)
            {
                await responses.WriteAsync(response, aborted);
            }

            proxies.SetSettled(id, session.IsSettled);
        }
    }

    private void Receive(long id, AdsServerSession session, DiscoveryRequest request)
    {
        var result = session.Receive(request);
        if (result.Kind == AdsRequestKind.Invalid)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, result.Detail));
        }

        proxies.Record(id, session, result);
    }
}
