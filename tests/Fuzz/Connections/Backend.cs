using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>A backend that reads as strictly as the reference does and finds fault with whatever the proxy should not have sent it.</summary>
internal sealed class Backend : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Markers _markers;
    private readonly Findings _findings;
    private readonly ulong _seed;
    private long _requests;

    public Backend(Markers markers, Findings findings, ulong seed)
    {
        _markers = markers;
        _findings = findings;
        _seed = seed;
        _listener.Bind(new IPEndPoint(IPAddress.Any, 0));
        _listener.Listen(512);
        Start(Accept);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Requests that arrived.</summary>
    public long Requests => Volatile.Read(ref _requests);

    public void Dispose() => _listener.Dispose();

    private static void Start(Action action) => new Thread(() => action(), 256 * 1024) { IsBackground = true, Name = "backend" }.Start();

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                Start(() => Serve(socket));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The run is over.
        }
    }

    private void Serve(Socket socket)
    {
        using var connection = socket;
        socket.NoDelay = true;
        var answers = new Answers();
        var input = new ByteText();
        var buffer = new byte[64 * 1024];
        try
        {
            for (var count = socket.Receive(buffer); count > 0; count = socket.Receive(buffer))
            {
                input.Add(buffer.AsSpan(0, count));
                while (input.Length > 0 && TakeRequest(input, answers, out var closes))
                {
                    socket.Send(answers.Text.Span);
                    if (closes)
                    {
                        End(socket, buffer);
                        return;
                    }
                }
            }
        }
        catch (SocketException)
        {
            // The proxy has reset the connection.
        }
    }

    private bool TakeRequest(ByteText input, Answers answers, out bool closes)
    {
        closes = false;
        var request = ReferenceParser.Request(input.Span);
        if (request.Reading == Reading.Malformed)
        {
            _findings.Add(-1, $"the proxy sent what is no request ({request.Problem}): {Parsers.Expect.Escaped(input.Span)}");
            closes = true;
            answers.Text.Clear();
            return true;
        }

        // Some answers come before the request has ended.
        var random = FuzzRandom.Of(_seed, Hash(request));
        var isEarly = request.HasHead && request.Reading == Reading.Incomplete && random.Once(16);
        if (request.Reading != Reading.Complete && !isEarly)
        {
            return false;
        }

        Interlocked.Increment(ref _requests);
        var consumed = isEarly ? input.Length : request.Consumed;
        Judge(request, input.Span[..consumed], out var marker);
        input.Remove(0, consumed);
        answers.Make(request, marker, random);
        closes = isEarly || answers.Closes;
        return true;
    }

    private void Judge(ReferenceMessage request, ReadOnlySpan<byte> bytes, out string marker)
    {
        var senders = _markers.In(bytes);
        marker = senders.Count == 1 ? _markers.Of(senders.First()) : Answers.NoMarker;
        if (senders.Count > 1)
        {
            _findings.Add(senders.First(), $"one request holds bytes of the clients {string.Join(", ", senders)}: {Parsers.Expect.Escaped(bytes)}");
        }
        else if (senders.Count == 1 && _findings.Sessions.TryGetValue(senders.First(), out var session)
            && !session.TrySee(request))
        {
            _findings.Add(session.Id, $"a request that its client did not send, or not there: {Parsers.Expect.Escaped(bytes)}");
        }
    }

    /// <summary>Ends the connection and reads what still comes, so that the answer is not lost to a reset.</summary>
    private void End(Socket socket, byte[] buffer)
    {
        socket.Shutdown(SocketShutdown.Send);
        while (socket.Receive(buffer) > 0)
        {
        }
    }

    // Of what the client sent, so that a replayed session meets the same answers.
    private static long Hash(ReferenceMessage request)
    {
        var hash = Hash(14695981039346656037UL, request.StartLine);
        foreach (var (name, value) in request.Fields)
        {
            hash = name == "x-request-id" ? hash : Hash(hash, value);
        }

        return (long)(hash >> 1);
    }

    private static ulong Hash(ulong hash, string text)
    {
        foreach (var c in text)
        {
            hash = (hash ^ c) * 1099511628211;
        }

        return hash;
    }
}
