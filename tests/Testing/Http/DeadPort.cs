using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.Testing.Http;

/// <summary>A loopback port, held for as long as the object lives, on which no connection ever succeeds.</summary>
public sealed class DeadPort : IDisposable
{
    private readonly List<Socket> _sockets = [];

    private DeadPort(Socket bound)
    {
        _sockets.Add(bound);
        Port = ((IPEndPoint)bound.LocalEndPoint!).Port;
    }

    public int Port { get; }

    /// <summary>Connections are refused at once: the port is bound, but nobody listens.</summary>
    public static DeadPort Refusing() => new(Bind());

    /// <summary>Connections hang without an answer: the accept queue is full, so that the kernel drops every SYN.</summary>
    public static async Task<DeadPort> SilentAsync()
    {
        var listener = Bind();
        listener.Listen(0);
        var port = new DeadPort(listener);
        var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        port._sockets.Add(filler);
        await filler.ConnectAsync(IPAddress.Loopback, port.Port).WaitAsync(Patience.Limit);
        return port;
    }

    public void Dispose() => _sockets.ForEach(s => s.Dispose());

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }
}
