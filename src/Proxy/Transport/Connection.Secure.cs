namespace KubeProxyNet.Proxy.Transport;

/// <content>What the secure layer, where there is one, does with the socket.</content>
internal sealed partial class Connection
{
    private SecureLayer? _layer;

    /// <summary>What seals and opens its bytes; null for plain text. Set before anything but a handshake goes over the connection.</summary>
    public SecureLayer? Layer
    {
        get => _layer;
        set => _layer = value;
    }

    /// <summary>Reads from the socket, past the secure layer; as <see cref="Receive"/>.</summary>
    public int ReceiveSealed(Span<byte> buffer) => ReceiveFromSocket(buffer);

    /// <summary>Sends what the secure layer has sealed; what the socket does not take is queued.</summary>
    public void SendSealed(ReadOnlySpan<byte> bytes, int flags)
    {
        if (Error == 0 && !IsClosed)
        {
            SendOrQueue(bytes, default, flags);
        }
    }

    /// <summary>What arrives or is to be sent makes no sense to the secure layer: the connection is as good as reset.</summary>
    public void Break() => Fail(Native.EConnReset);

    private bool SealNow(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int flags)
    {
        BytesSent += _layer!.Seal(first, second) ? first.Length + second.Length : 0;
        Worker.Sealed.SendAll(this, flags);
        return Error == 0;
    }

    private void SealEnd()
    {
        if (_layer is { } layer && Error == 0)
        {
            layer.SealEnd();
            Worker.Sealed.SendAll(this, Native.MsgNoSignal);
        }
    }

    private void SealLast()
    {
        var bytes = Worker.Output[_kept];
        _kept = default;
        if (Error == 0 && (bytes.IsEmpty || _layer!.Seal(bytes, default)))
        {
            BytesSent += bytes.Length;
            _layer!.SealEnd();
        }

        Worker.Sealed.SendAll(this, Native.MsgNoSignal | Native.MsgMore);
    }
}
