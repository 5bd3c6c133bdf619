using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>What became of one query to one server.</summary>
/// <param name="Message">Its answer; null without one.</param>
/// <param name="Reason">Why there is none, for people.</param>
internal readonly record struct NameserverReply(DnsMessage? Message, string Reason);

/// <summary>
/// Asks one server once. Each query has an unpredictable number and a socket of its own, whose port the kernel draws and which takes datagrams
/// of that server alone; an answer counts only with that number and that question (RFC 5452), and anything else is as if it had not come.
/// </summary>
internal sealed class NameserverClient(TimeProvider time)
{
    /// <summary>Datagrams that are no answer and are passed over; who sends more keeps the answer from being heard.</summary>
    private const int MaxStray = 64;

    private const int ShortestPayload = 512;

    /// <summary>Asks.</summary>
    /// <param name="server">Whom.</param>
    /// <param name="question">What.</param>
    /// <param name="payloadSize">Longest answer over UDP; 0 for a query without EDNS.</param>
    /// <param name="useTcp">True to ask over TCP at once; otherwise that is done where the answer does not fit (RFC 7766 section 5).</param>
    /// <param name="timeout">For the answer over UDP, and again for that over TCP.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<NameserverReply> AskAsync(IPEndPoint server, DnsQuestion question, int payloadSize, bool useTcp, TimeSpan timeout, CancellationToken cancellation)
    {
        var reply = useTcp ? default : await LimitAsync(AskOverUdpAsync, server, question, payloadSize, timeout, cancellation);
        return useTcp || reply.Message is { IsTruncated: true } ? await LimitAsync(AskOverTcpAsync, server, question, payloadSize, timeout, cancellation) : reply;
    }

    private delegate Task<NameserverReply> Exchange(IPEndPoint server, DnsQuestion question, int payloadSize, CancellationToken cancellation);

    private async Task<NameserverReply> LimitAsync(Exchange ask, IPEndPoint server, DnsQuestion question, int payloadSize, TimeSpan timeout, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(timeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            return await ask(server, question, payloadSize, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new NameserverReply(null, string.Create(CultureInfo.InvariantCulture, $"{server} did not answer within {timeout.TotalSeconds} s"));
        }
        catch (SocketException error)
        {
            return new NameserverReply(null, $"{server}: {error.Message}");
        }
    }

    private static async Task<NameserverReply> AskOverUdpAsync(IPEndPoint server, DnsQuestion question, int payloadSize, CancellationToken cancellation)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var buffer = ArrayPool<byte>.Shared.Rent(DnsMessageReader.MaxLength);
        try
        {
            await socket.ConnectAsync(server, cancellation);
            var id = NewId();
            var length = DnsQueryWriter.Write(buffer, id, question, payloadSize);
            await socket.SendAsync(buffer.AsMemory(0, length), SocketFlags.None, cancellation);
            for (var stray = 0; stray < MaxStray; stray++)
            {
                var received = await socket.ReceiveAsync(buffer.AsMemory(0, DnsMessageReader.MaxLength), SocketFlags.None, cancellation);
                if (received <= Math.Max(payloadSize, ShortestPayload) && DnsMessageReader.Read(buffer.AsSpan(0, received)) is { } message && IsAnswer(message, id, question))
                {
                    return new NameserverReply(message, "");
                }
            }

            return new NameserverReply(null, $"{server} sent too much that is no answer");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<NameserverReply> AskOverTcpAsync(IPEndPoint server, DnsQuestion question, int payloadSize, CancellationToken cancellation)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var buffer = ArrayPool<byte>.Shared.Rent(DnsMessageReader.MaxLength);
        try
        {
            await socket.ConnectAsync(server, cancellation);
            var id = NewId();

            // The length goes before the message, in the same segment (RFC 7766 section 8).
            var length = DnsQueryWriter.Write(buffer.AsSpan(2), id, question, payloadSize);
            BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)length);
            await SendAllAsync(socket, buffer.AsMemory(0, length + 2), cancellation);
            if (!await ReceiveAllAsync(socket, buffer.AsMemory(0, 2), cancellation))
            {
                return new NameserverReply(null, $"{server} closed the connection without an answer");
            }

            var answer = buffer.AsMemory(0, BinaryPrimitives.ReadUInt16BigEndian(buffer));
            if (!await ReceiveAllAsync(socket, answer, cancellation))
            {
                return new NameserverReply(null, $"{server} closed the connection within an answer");
            }

            return DnsMessageReader.Read(answer.Span) is { IsTruncated: false } message && IsAnswer(message, id, question)
                ? new NameserverReply(message, "")
                : new NameserverReply(null, $"{server} sent no answer over TCP but something else");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ushort NewId() => (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);

    /// <summary>A server that did not understand the query may leave out the question (RFC 6891 section 7).</summary>
    private static bool IsAnswer(DnsMessage message, ushort id, DnsQuestion question) =>
        message.Id == id && (message.Question is null ? message.Code is DnsResponseCode.FormatError or DnsResponseCode.NotImplemented : message.Question == question);

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        while (!data.IsEmpty)
        {
            data = data[await socket.SendAsync(data, SocketFlags.None, cancellation)..];
        }
    }

    private static async Task<bool> ReceiveAllAsync(Socket socket, Memory<byte> data, CancellationToken cancellation)
    {
        while (!data.IsEmpty)
        {
            var received = await socket.ReceiveAsync(data, SocketFlags.None, cancellation);
            if (received == 0)
            {
                return false;
            }

            data = data[received..];
        }

        return true;
    }
}
