using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>Bodies that go from socket to socket.</content>
internal sealed partial class UpstreamConnection
{
    /// <summary>What is worth it: less is copied faster than it is moved.</summary>
    private const int MinSplice = 32 * 1024;

    private bool _hasStrayInput;

    /// <summary>True where enough of the body is still to come, and comes without framing in between.</summary>
    public override bool IsWorthSplicing => Connection.Layer is null && !Connection.HasUrgentInput && _body.RemainingAsItIs >= MinSplice && _inputStart == _inputEnd;

    /// <summary>Moves what is there of the body to a connection that <see cref="Connection.CanSplice"/>, without a look at it.</summary>
    /// <param name="to">Where it goes.</param>
    /// <param name="count">Bytes moved.</param>
    /// <returns>As <see cref="TryReadBody"/>.</returns>
    public override UpstreamRead TrySpliceBody(Connection to, out int count)
    {
        var moved = to.Splice(Connection, Math.Min(_body.RemainingAsItIs, Connection.Worker.ReadLimit));
        count = Math.Max(moved, 0);
        if (moved == Connection.WouldBlock)
        {
            return UpstreamRead.NeedMore;
        }

        if (moved <= 0)
        {
            return EndBody(moved);
        }

        _body.Skip(moved);

        // What stands behind the message was not read with it, as it is otherwise, and must not pass for the next response.
        _hasStrayInput = _body.IsComplete && Connection.HasUnreadInput();
        return UpstreamRead.Ready;
    }
}
