using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>Plays sessions, one after the other, and judges all that comes back.</summary>
internal sealed class Client(Markers markers, Findings findings, int port)
{
    /// <summary>No answer and no end for so long is a hang, also on a busy machine; the proxy's own limits are longer.</summary>
    private const int HangMs = 60_000;

    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly ByteText _received = new();

    /// <summary>Plays a session to its end.</summary>
    public void Play(Session session)
    {
        findings.Sessions[session.Id] = session;
        _received.Clear();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.NoDelay = true;
        socket.ReceiveTimeout = socket.SendTimeout = HangMs;
        try
        {
            // Many addresses, so that ports do not run out while closed connections linger.
            socket.Connect(new IPAddress([127, 0, 0, (byte)(1 + (session.Id % 200))]), port);
            if (Send(socket, session) && Receive(socket))
            {
                Judge(session);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            findings.Add(session.Id, $"the proxy neither answers nor ends the connection; sent: {Parsers.Expect.Escaped(session.Bytes.Span)} received: {Parsers.Expect.Escaped(_received.Span)}");
        }
        catch (SocketException)
        {
            // The proxy has ended the connection early: what came before still counts.
            JudgeMarkers(session);
        }
        finally
        {
            findings.Sessions.TryRemove(session.Id, out _);
        }
    }

    /// <summary>Sends all of it, in one piece or a few. False where the client leaves in the middle.</summary>
    private static bool Send(Socket socket, Session session)
    {
        var random = session.Random;
        ReadOnlySpan<byte> rest = session.Bytes.Span;
        var leaves = random.Once(30);
        for (var pieces = random.Once(3) ? random.Between(2, 6) : 1; pieces > 0; pieces--)
        {
            var length = pieces == 1 ? rest.Length : random.Next(rest.Length + 1);
            socket.Send(rest[..length]);
            rest = rest[length..];
            if (leaves && random.Once(2))
            {
                socket.LingerState = new LingerOption(enable: random.Once(2), 0);
                return false;
            }
        }

        if (session.EndsInside)
        {
            socket.Shutdown(SocketShutdown.Send);
        }

        return true;
    }

    private bool Receive(Socket socket)
    {
        for (var count = socket.Receive(_buffer); count > 0; count = socket.Receive(_buffer))
        {
            _received.Add(_buffer.AsSpan(0, count));
        }

        return true;
    }

    private bool JudgeMarkers(Session session)
    {
        var senders = markers.In(_received.Span);
        senders.Remove(session.Id);
        if (senders.Count > 0)
        {
            findings.Add(session.Id, $"the client got bytes of the clients {string.Join(", ", senders)}: {Parsers.Expect.Escaped(_received.Span)}");
        }

        return senders.Count == 0;
    }

    private void Judge(Session session)
    {
        if (!JudgeMarkers(session))
        {
            return;
        }

        var answers = 0;
        for (ReadOnlySpan<byte> rest = _received.Span; !rest.IsEmpty;)
        {
            var answer = ReferenceParser.Response(rest, session.MethodOf(answers) == "HEAD", ended: true);
            if (answer.Reading == Reading.Malformed)
            {
                findings.Add(session.Id, $"the proxy sent what is no response ({answer.Problem}): {Parsers.Expect.Escaped(rest)}");
                return;
            }

            // A response that was cut is the last one; so is the agreement to an upgrade.
            if (answer.Reading == Reading.Incomplete || answer.Status == 101)
            {
                return;
            }

            answers += answer.Status >= 200 ? 1 : 0;
            if (answers > session.MaxAnswers)
            {
                findings.Add(session.Id, $"more answers than requests: {Parsers.Expect.Escaped(_received.Span)}");
                return;
            }

            if (answer.Has("x-whole") && answer.Body.Replace(session.Marker, "", StringComparison.Ordinal).Replace(Answers.NoMarker, "", StringComparison.Ordinal).Length > 0)
            {
                findings.Add(session.Id, $"the body is not what the backend sent: {Parsers.Expect.Escaped(rest)}");
                return;
            }

            rest = rest[answer.Consumed..];
        }
    }
}
