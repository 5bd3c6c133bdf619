namespace KubeProxyNet.Proxy.Transport;

/// <content>What can be awaited of a connection besides what can be of every stream.</content>
internal sealed partial class Connection
{
    /// <summary>Waits until the connect has finished; <see cref="LoopStream.Error"/> tells how.</summary>
    public WriteAwaitable Connected() => Written(OutputWait.Connect);

    /// <inheritdoc/>
    public override async LoopTask<WaitResult> FlushedAsync()
    {
        SendKept();
        while (_output.Length > 0 && Error == 0 && !IsClosed)
        {
            if (await Written(OutputWait.None) == WaitResult.Interrupted)
            {
                return WaitResult.Interrupted;
            }
        }

        return WaitResult.Ready;
    }

    /// <inheritdoc/>
    protected override void OnDeadline() => Owner.OnDeadline(this);

    /// <inheritdoc/>
    protected override bool IsOver(OutputWait wait) => wait switch
    {
        OutputWait.Connect => _writable,
        OutputWait.Low => _output.Length <= (Worker.Memory.IsScarce ? 0 : LowWaterMark),
        _ => _output.Length == 0,
    };
}
