using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>What can be awaited of a connection. One waiter for each direction.</summary>
internal sealed partial class Connection
{
    /// <summary>Waits until <see cref="Receive"/> is worth another try.</summary>
    public ReadAwaitable Readable() => new(this);

    /// <summary>Waits until the connect has finished; <see cref="Error"/> tells how.</summary>
    public WriteAwaitable Connected() => new(this, waitForConnect: true);

    /// <summary>Waits until the queued output has fallen to the low-water mark, or the connection broke.</summary>
    public WriteAwaitable Drained() => new(this, waitForConnect: false);

    /// <summary>Waits until all queued output has been taken by the socket, or the connection broke.</summary>
    public async LoopTask<WaitResult> FlushedAsync()
    {
        SendKept();
        while (_output.Length > 0 && Error == 0 && !IsClosed)
        {
            if (await new WriteAwaitable(this, waitForConnect: false, all: true) == WaitResult.Interrupted)
            {
                return WaitResult.Interrupted;
            }
        }

        return WaitResult.Ready;
    }

    /// <summary>Ends whatever waits on this connection, on the next turn of the loop. Without a waiter it does nothing.</summary>
    public void Interrupt()
    {
        if (_reader is { } reader)
        {
            _reader = null;
            _readResult = WaitResult.Interrupted;
            Worker.Enqueue(reader);
        }

        if (_writer is { } writer)
        {
            _writer = null;
            _writeResult = WaitResult.Interrupted;
            Worker.Enqueue(writer);
        }
    }

    /// <summary>Awaits input.</summary>
    public readonly struct ReadAwaitable(Connection connection) : ICriticalNotifyCompletion
    {
        public bool IsCompleted
        {
            get
            {
                if (!connection.IsReadable && !connection.IsClosed)
                {
                    return false;
                }

                connection._readResult = connection.IsClosed ? WaitResult.Interrupted : WaitResult.Ready;
                return true;
            }
        }

        public ReadAwaitable GetAwaiter() => this;

        public WaitResult GetResult() => connection._readResult;

        public void OnCompleted(Action continuation) => connection._reader = continuation;

        public void UnsafeOnCompleted(Action continuation) => connection._reader = continuation;
    }

    /// <summary>Awaits room for output, or the end of a connect.</summary>
    public readonly struct WriteAwaitable(Connection connection, bool waitForConnect, bool all = false) : ICriticalNotifyCompletion
    {
        public bool IsCompleted
        {
            get
            {
                var done = connection.IsClosed || connection.Error != 0
                    || (waitForConnect ? connection._writable : connection._output.Length <= (all ? 0 : LowWaterMark));
                if (done)
                {
                    connection._writeResult = connection.IsClosed ? WaitResult.Interrupted : WaitResult.Ready;
                }

                return done;
            }
        }

        public WriteAwaitable GetAwaiter() => this;

        public WaitResult GetResult() => connection._writeResult;

        public void OnCompleted(Action continuation) => connection._writer = continuation;

        public void UnsafeOnCompleted(Action continuation) => connection._writer = continuation;
    }
}
