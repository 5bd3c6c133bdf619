using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>What a kept connection costs that made one request and then keeps still: memory of the process, before and after.</summary>
internal static class Idle
{
    /// <summary>As many from one source address: far fewer than the ports of Linux's default range.</summary>
    private const int ConnectionsPerAddress = 5_000;

    private const int WarmUpRequests = 200;
    private const double BoundBytes = 2_000;

    /// <summary>Pools and collectors come to rest before memory is read.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly string[] Columns =
        ["proxy", "RSS B/connection", "PSS B/connection", "min – max", "RSS before MB", "RSS after MB", "after their end MB"];

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        var options = stage.Options;
        var names = options.Contenders();
        NativeTool.Require(["taskset", "gcc", .. names.SelectMany(n => Contender.Named(n, options).Tools)]);
        var backendPort = await stage.StartBackendAsync(cancel);
        var subjects = names.Select(name => new Subject(name, [])).ToList();
        var versions = new List<string>();
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var subject in Stage.InTurn(subjects, round))
            {
                // A new process each time: memory that was once used says nothing.
                var runner = await stage.StartAsync(Contender.Named(subject.Name, options), backendPort, cancel);
                subject.Rounds.Add(await MeasureAsync(runner, options.IdleConnections, cancel));
                await stage.EndAsync(runner);
                await stage.SayAsync(round, subject.Name, $"{subject.Rounds[^1].Resident,7:F0} B/connection");
                versions.Add(runner.VersionLine);
            }
        }

        return new Outcome(
            $"idle: {MarkdownTable.Grouped(options.IdleConnections)} kept connections that have made one request",
            MarkdownTable.Of(Columns, subjects.Select(Row)) + "\n" + Note,
            [.. subjects.Where(s => s.Name == "kpn").Select(GoalOf)],
            [.. versions.Distinct(StringComparer.Ordinal)]);
    }

    private static async Task<Sample> MeasureAsync(Runner runner, int count, CancellationToken cancel)
    {
        for (var i = 0; i < WarmUpRequests; i++)
        {
            using var one = await OpenAsync(runner.Port, 0, cancel);
        }

        await Task.Delay(Rest, cancel);
        var before = MemoryUse.Of(runner.Process.Id);
        var connections = new List<Socket>(count);
        MemoryUse during;
        try
        {
            for (var i = 0; i < count; i++)
            {
                connections.Add(await OpenAsync(runner.Port, i / ConnectionsPerAddress, cancel));
            }

            await Task.Delay(Rest, cancel);
            during = MemoryUse.Of(runner.Process.Id);
            if (connections.Count(IsOpen) is var open && open < count)
            {
                throw new LoadException($"{runner.Name} closed {count - open} of {count} connections while they were idle");
            }
        }
        finally
        {
            connections.ForEach(c => c.Dispose());
        }

        await Task.Delay(Rest, cancel);
        runner.MustLive();
        return new Sample(before, during, MemoryUse.Of(runner.Process.Id), count);
    }

    /// <summary>A connection from 127.0.0.(2 + address) with one request answered.</summary>
    private static async Task<Socket> OpenAsync(int port, int address, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 0, (byte)(2 + address)]), 0));
            await socket.ConnectAsync(IPAddress.Loopback, port, cancel);
            await socket.SendAsync("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"u8.ToArray(), cancel);
            var buffer = new byte[4096];
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            patience.CancelAfter(Patience);
            var received = await socket.ReceiveAsync(buffer, patience.Token);
            return buffer.AsSpan(0, received).StartsWith("HTTP/1.1 200"u8)
                ? socket
                : throw new LoadException($"not answered with 200: {System.Text.Encoding.Latin1.GetString(buffer, 0, received)}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            socket.Dispose();
            throw new LoadException($"no answer to the first request of a connection in {Patience.TotalSeconds} s");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Nothing to read; a connection that the proxy closed is readable.</summary>
    private static bool IsOpen(Socket socket) => socket.Available > 0 || !socket.Poll(0, SelectMode.SelectRead);

    private static string[] Row(Subject subject) =>
    [
        subject.Name,
        MarkdownTable.Number(subject.Rounds.Median(s => s.Resident), 0),
        MarkdownTable.Number(subject.Rounds.Median(s => s.Proportional), 0),
        $"{MarkdownTable.Number(subject.Rounds.Min(s => s.Resident), 0)} – {MarkdownTable.Number(subject.Rounds.Max(s => s.Resident), 0)}",
        MarkdownTable.Number(subject.Rounds.Median(s => s.Before.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(subject.Rounds.Median(s => s.During.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(subject.Rounds.Median(s => s.After.ResidentBytes) / 1e6, 1),
    ];

    private static Goal GoalOf(Subject kpn)
    {
        var bytes = kpn.Rounds.Median(s => s.Resident);
        return new Goal("memory of an idle connection", "≤ 2 kB", $"{MarkdownTable.Grouped(bytes)} B", bytes <= BoundBytes);
    }

    private const string Note = """
        Memory of the processes (smaps_rollup) after a warm-up of 200 connections, and after each connection made one request; the kernel's sockets are not in
        it. A new process each round. nginx and HAProxy set tables for all connections aside at their start, which is in *before*.

        """;

    private sealed record Subject(string Name, List<Sample> Rounds);

    private sealed record Sample(MemoryUse Before, MemoryUse During, MemoryUse After, int Connections)
    {
        public double Resident => (During.ResidentBytes - Before.ResidentBytes) / (double)Connections;

        public double Proportional => (During.ProportionalBytes - Before.ProportionalBytes) / (double)Connections;
    }
}
