namespace KubeProxyNet.Proxy.Transport;

/// <content>What the secure layer, where there is one, does with the socket.</content>
internal sealed partial class Connection
{
    private SecureLayer? _layer;
    private Block? _unread;
    private int _unreadStart;
    private int _unreadEnd;

    /// <summary>What seals and opens its bytes; null for plain text. Set before anything but a handshake goes over the connection.</summary>
    public SecureLayer? Layer
    {
        get => _layer;
        set => _layer = value;
    }

    /// <summary>Puts bytes back in front of what the socket has to give: who looked at them chose who is to read them. At most a block's worth.</summary>
    public void Unread(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        var rest = UnreadBytes();
        var block = Worker.Blocks.Rent(bytes.Length + rest.Length);
        bytes.CopyTo(block.Bytes);
        rest.CopyTo(block.Bytes.AsSpan(bytes.Length));
        (_unreadStart, _unreadEnd) = (0, bytes.Length + rest.Length);
        ReturnUnread();
        _unread = block;
    }

    /// <summary>Reads from the socket, past the secure layer; as <see cref="Receive"/>.</summary>
    public int ReceiveSealed(Span<byte> buffer)
    {
        if (_unread is null)
        {
            return ReceiveFromSocket(buffer);
        }

        var bytes = UnreadBytes();
        var count = Math.Min(bytes.Length, buffer.Length);
        bytes[..count].CopyTo(buffer);
        _unreadStart += count;
        if (_unreadStart == _unreadEnd)
        {
            ReturnUnread();
        }

        return count;
    }

    /// <summary>Sends what the secure layer has sealed; what the socket does not take is queued.</summary>
    public void SendSealed(ReadOnlySpan<byte> bytes, int flags)
    {
        if (Error != 0 || IsClosed)
        {
            return;
        }

        if (_output.Length > 0)
        {
            _output.Append(bytes);
        }
        else
        {
            SendOrQueue(bytes, default, flags);
        }
    }

    /// <summary>What arrives or is to be sent makes no sense to the secure layer: the connection is as good as reset.</summary>
    public void Break() => Fail(Native.EConnReset);

    private ReadOnlySpan<byte> UnreadBytes() => _unread is null ? default : _unread.Bytes.AsSpan(_unreadStart, _unreadEnd - _unreadStart);

    private void ReturnUnread()
    {
        if (_unread is not null)
        {
            Worker.Blocks.Return(_unread);
            _unread = null;
        }
    }

    private bool SealNow(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int flags)
    {
        if (!_layer!.Seal(first, second))
        {
            return false;
        }

        BytesSent += first.Length + second.Length;
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
            Worker.Sealed.SendAll(this, Native.MsgNoSignal | Native.MsgMore);
        }
    }
}
