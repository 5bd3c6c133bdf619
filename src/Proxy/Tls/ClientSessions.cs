using System.Runtime.InteropServices;
using KubeProxyNet.Proxy.Tls.OpenSsl;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>
/// The sessions with one endpoint that can be continued, the newest first. One worker owns them. A ticket of TLS 1.3 is used once, so that nobody can tell by
/// it that two connections come from one client (RFC 8446 appendix C.4).
/// </summary>
internal sealed class ClientSessions
{
    private readonly List<SessionHandle> _kept = [];

    /// <summary>The context that they were made with: another one starts anew, for it may demand more.</summary>
    private ClientTlsContext? _context;

    /// <summary>Has a session of the library continue the newest one that is kept.</summary>
    public void Continue(TlsSocket socket)
    {
        Follow(socket);

        // What was found good for one name says nothing of another.
        var at = _kept.FindLastIndex(session => session.ServerName == socket.AskedServerName && session.DemandedHost == socket.DemandedHost);
        if (at < 0)
        {
            return;
        }

        var newest = _kept[at];
        _ = LibSsl.SetSession(socket.Handle, newest.Value);
        if (newest.IsTls13)
        {
            _kept.RemoveAt(at);
            newest.Dispose();
        }
    }

    /// <summary>Keeps a session; it belongs to this from here on.</summary>
    public void Keep(TlsSocket socket, nint session)
    {
        Follow(socket);
        var handle = new SessionHandle(session, socket);
        var most = _context!.Config.MaxSessionKeys;
        while (_kept.Count > 0 && _kept.Count >= most)
        {
            _kept[0].Dispose();
            _kept.RemoveAt(0);
        }

        if (most > 0)
        {
            _kept.Add(handle);
        }
        else
        {
            handle.Dispose();
        }
    }

    private void Follow(TlsSocket socket)
    {
        if (_context != socket.Context)
        {
            _kept.ForEach(static session => session.Dispose());
            _kept.Clear();
            _context = (ClientTlsContext)socket.Context;
        }
    }

    /// <summary>A session of the library (<c>SSL_SESSION</c>).</summary>
    private sealed class SessionHandle : SafeHandle
    {
        public SessionHandle(nint session, TlsSocket socket)
            : base(session, ownsHandle: true) => (IsTls13, ServerName, DemandedHost) = (socket.IsTls13, socket.AskedServerName, socket.DemandedHost);

        public override bool IsInvalid => handle == 0;

        public nint Value => handle;

        public bool IsTls13 { get; }

        public string? ServerName { get; }

        public string? DemandedHost { get; }

        protected override bool ReleaseHandle()
        {
            LibSsl.SessionFree(handle);
            return true;
        }
    }
}
