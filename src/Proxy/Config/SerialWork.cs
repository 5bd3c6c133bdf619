namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Work that any thread may bring and one thread at a time does, piece by piece, so that what was read last is applied last. No lock is held while a piece is
/// done: it may call whoever wants to know of it, and bring more.
/// </summary>
/// <param name="gate">Guards what is to be done.</param>
/// <param name="take">Takes the next piece, under the gate; null where none is left.</param>
internal sealed class SerialWork(Lock gate, Func<Action?> take)
{
    private bool _isBusy;

    /// <summary>Does what is to be done, unless some thread is at it, which goes on with this then.</summary>
    public void Run()
    {
        var isMine = false;
        try
        {
            while (true)
            {
                Action? piece;
                lock (gate)
                {
                    if (_isBusy && !isMine)
                    {
                        return;
                    }

                    piece = take();
                    _isBusy = isMine = piece is not null;
                }

                if (piece is null)
                {
                    return;
                }

                piece();
            }
        }
        finally
        {
            if (isMine)
            {
                lock (gate)
                {
                    _isBusy = false;
                }
            }
        }
    }
}
