namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// What stands between a connection's socket and those who use the connection: Envoy's transport socket. They see what it has opened, the socket sees what
/// it has sealed. One belongs to one connection.
/// </summary>
internal abstract class SecureLayer
{
    /// <summary>True where something was received that <see cref="Receive"/> has not given out: the socket need not become readable again for it.</summary>
    public abstract bool HasBufferedInput { get; }

    /// <summary>True where the peer ended the connection without saying so: somebody in between may have cut it.</summary>
    public abstract bool EndedUnannounced { get; }

    /// <summary>As <see cref="Connection.Receive"/>, opened.</summary>
    public abstract int Receive(Span<byte> buffer);

    /// <summary>True where bytes wait, or with <paramref name="orEnd"/> the peer's end. Takes none, but works through what is not for the users.</summary>
    public abstract bool HasUnreadInput(bool orEnd);

    /// <summary>Seals both spans in order and hands what results to <see cref="Connection.SendSealed"/>. False where the connection is broken.</summary>
    public abstract bool Seal(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second);

    /// <summary>Seals the announcement that nothing more will be sent.</summary>
    public abstract void SealEnd();

    /// <summary>The connection is closed: what it holds of memory goes back. It is not used after that.</summary>
    public abstract void Release();
}
