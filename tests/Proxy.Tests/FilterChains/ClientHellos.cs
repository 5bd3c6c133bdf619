using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>First messages of TLS clients: of real ones, and made up.</summary>
internal static class ClientHellos
{
    /// <summary>What <c>openssl s_client</c> sends with these arguments.</summary>
    public static Task<byte[]> OfOpenSslAsync(params string[] arguments) =>
        CaptureAsync(port => ChildProcess.Start(Requires.Tool("openssl"), ["s_client", "-connect", $"127.0.0.1:{port}", .. arguments]));

    /// <summary>What <c>curl</c> sends for this host.</summary>
    public static Task<byte[]> OfCurlAsync(string host) =>
        CaptureAsync(port => ChildProcess.Start(Requires.Tool("curl"), ["-sk", "--max-time", "10", "--resolve", $"{host}:{port}:127.0.0.1", $"https://{host}:{port}/"]));

    /// <summary>A message with these extensions, in records of so many bytes.</summary>
    public static byte[] Make(byte[] extensions, int recordSize = 16 * 1024)
    {
        byte[] body = [3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 1, 0, .. Vector(2, extensions)];
        byte[] message = [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];
        return [.. message.Chunk(recordSize).SelectMany(static record => (byte[])[22, 3, 1, .. Vector(2, record)])];
    }

    public static byte[] ServerName(string name) => ServerName(Encoding.Latin1.GetBytes(name));

    public static byte[] ServerName(byte[] name) => Extension(0, Vector(2, [0, .. Vector(2, name)]));

    public static byte[] Alpn(params string[] protocols) => Extension(16, Vector(2, [.. protocols.SelectMany(static protocol => Vector(1, Encoding.ASCII.GetBytes(protocol)))]));

    public static byte[] Extension(ushort type, byte[] content) => [(byte)(type >> 8), (byte)type, .. Vector(2, content)];

    public static byte[] Vector(int lengthBytes, byte[] content) =>
        lengthBytes == 1 ? [(byte)content.Length, .. content] : [(byte)(content.Length >> 8), (byte)content.Length, .. content];

    private static async Task<byte[]> CaptureAsync(Func<int, ChildProcess> start)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await using var client = start(((IPEndPoint)listener.LocalEndPoint!).Port);
        using var socket = await listener.AcceptAsync(deadline.Token);
        var head = await ReadAsync(socket, 5, deadline.Token);
        var rest = await ReadAsync(socket, BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(3)), deadline.Token);
        return [.. head, .. rest];
    }

    private static async Task<byte[]> ReadAsync(Socket socket, int count, CancellationToken cancel)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(at), cancel);
            at += read > 0 ? read : throw new EndOfStreamException();
        }

        return bytes;
    }
}
