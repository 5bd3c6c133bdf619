using KubeProxyNet.Proxy.Http.Http2.Frames;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>Whether the peer still answers.</content>
internal abstract partial class Http2Connection
{
    private KeepaliveTimer? _keepalive;

    /// <summary>The connection has begun: PING frames go out from here on, where the options ask for them.</summary>
    protected void BeginKeepalive()
    {
        if (Options.Keepalive is { } settings)
        {
            _keepalive = new KeepaliveTimer(Worker, settings, () => WritePing(KeepaliveTimer.Data, FrameFlags.None), EndUnanswered);
            _keepalive.Begin();
        }
    }

    /// <summary>A stream is about to be opened from this end.</summary>
    protected void AskIfIdle() => _keepalive?.OnNewStream();

    /// <summary>A PING was not answered in time: the socket is of no more use, and what is queued for it need not go out.</summary>
    protected virtual void OnUnanswered() => End(byPeer: false);

    private void EndUnanswered()
    {
        if (!IsOver)
        {
            Worker.Stats.Increment(Stats.KeepaliveTimeout);
            OnUnanswered();
        }
    }
}
