using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>
/// Pages that grow with the configuration: sent while they are made, so that of their text no more than a piece is held, and one after the other, since what they are made of is large as
/// well.
/// </summary>
internal sealed class LargePages(TimeProvider time) : IDisposable
{
    /// <summary>How long a client may take to read one: others wait for it.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Sends a page when those asked for before have gone. A client that does not read it in time is cut off.</summary>
    public async Task SendAsync(AdminReply reply, HttpContext context)
    {
        await _turn.WaitAsync(context.RequestAborted);
        try
        {
            using var deadline = new CancellationTokenSource(Deadline, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, context.RequestAborted);
            var body = context.Response.BodyWriter;
            foreach (var _ in reply.Pieces!(body))
            {
                var flushed = await body.FlushAsync(either.Token);
                if (flushed.IsCompleted)
                {
                    return;
                }
            }

            await body.FlushAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}
