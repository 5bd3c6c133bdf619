using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Fuzz.Generation;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>Plays connections of HTTP/2, several at once, against one proxy; a case is a connection.</summary>
internal static class FrameRun
{
    private const int Clients = 8;
    private const int HangMs = 60_000;

    /// <summary>Runs the cases and writes what was found. True where nothing was.</summary>
    public static bool Run(FuzzOptions options, TextWriter output) => RunAsync(options, output).GetAwaiter().GetResult();

    private static async Task<bool> RunAsync(FuzzOptions options, TextWriter output)
    {
        var findings = new Findings();
        using var backend = new Backend(new Markers(options.Seed), findings, options.Seed);
        var next = options.First - 1;
        var judged = 0L;
        await using (var proxy = new ProxyUnderTest(backend.Port))
        {
            await Task.WhenAll(Enumerable.Range(0, (int)Math.Min(Clients, options.Cases)).Select(_ => Task.Factory.StartNew(
                Play, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            if (await proxy.WhatIsLeftAsync() is { } left)
            {
                findings.Add(-1, left);
            }

            judged = proxy.Judged;
            foreach (var bug in proxy.Bugs)
            {
                findings.Add(-1, bug);
            }

            void Play()
            {
                var (sent, received, buffer) = (new ByteText(), new ByteText(), new byte[64 * 1024]);
                for (var id = Interlocked.Increment(ref next); id < options.First + options.Cases && !findings.Any && proxy.Bugs.IsEmpty; id = Interlocked.Increment(ref next))
                {
                    var random = FuzzRandom.Of(options.Seed, id);
                    FrameScript.Make(sent, random);
                    received.Clear();
                    if (!Exchange(proxy.Port, id, sent, received, buffer, random))
                    {
                        findings.Add(id, $"the proxy does not end the connection; sent: {Parsers.Expect.Escaped(sent.Span)}");
                    }
                    else if (FrameReader.FaultOf(received.Span) is { } fault)
                    {
                        findings.Add(id, $"{fault}; sent: {Parsers.Expect.Escaped(sent.Span)} received: {Parsers.Expect.Escaped(received.Span)}");
                    }
                }
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{judged} requests judged, {backend.Requests} reached the backend, resident {Environment.WorkingSet >> 20} MiB"));
        foreach (var (id, problem) in findings.All.Take(10))
        {
            output.WriteLine($"FAILED: {problem}");
            output.WriteLine($"replay: {options.ReplayOf(Math.Max(id, options.First))}");
        }

        return !findings.Any;
    }

    /// <summary>Sends all of it in pieces, reads what comes, leaves. False where the proxy hangs on to it.</summary>
    private static bool Exchange(int port, long id, ByteText sent, ByteText received, byte[] buffer, FuzzRandom random)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.NoDelay = true;
        socket.ReceiveTimeout = socket.SendTimeout = HangMs;
        try
        {
            socket.Connect(new IPAddress([127, 0, 0, (byte)(1 + (id % 200))]), port);
            ReadOnlySpan<byte> rest = sent.Span;
            var largest = random.Of([1, 7, 100, 4000, rest.Length]);
            if (largest == 1 && rest.Length > 2000)
            {
                largest = 7;
            }

            while (!rest.IsEmpty)
            {
                var count = Math.Min(rest.Length, random.Between(1, largest));
                socket.Send(rest[..count]);
                rest = rest[count..];
            }

            // Some leave before anything could be answered.
            for (var waits = random.Next(4); waits > 0 && socket.Poll(2000, SelectMode.SelectRead); waits--)
            {
                var count = socket.Receive(buffer);
                received.Add(buffer.AsSpan(0, count));
                if (count == 0)
                {
                    return true;
                }
            }

            if (random.Once(4))
            {
                socket.LingerState = new LingerOption(enable: true, 0);
                return true;
            }

            socket.Shutdown(SocketShutdown.Send);
            for (var count = socket.Receive(buffer); count > 0; count = socket.Receive(buffer))
            {
                received.Add(buffer.AsSpan(0, count));
            }
        }
        catch (SocketException e)
        {
            // That the proxy ends it early is its right.
            return e.SocketErrorCode is not (SocketError.TimedOut or SocketError.WouldBlock);
        }

        return true;
    }
}
