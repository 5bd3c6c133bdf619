using System.Net.Sockets;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>What connections receive ahead in one turn of the loop, as those see it who await it.</summary>
public sealed class TurnInputTests : WorkerConnections
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_byte_comes_once_and_in_order_however_it_is_read(int seed)
    {
        var random = new Random(seed);
        var pairs = new List<(Connection Connection, Socket Peer)>();
        for (var i = 0; i < 40; i++)
        {
            pairs.Add(await ConnectAsync());
        }

        var received = pairs.ConvertAll(static _ => new List<byte>());
        var readers = OnWorkerAsync(async () =>
        {
            var running = new List<LoopTask>();
            for (var i = 0; i < pairs.Count; i++)
            {
                pairs[i].Connection.ReceivesAhead = true;
                running.Add(ReadAsync(pairs[i].Connection, received[i], pairs.ConvertAll(static pair => pair.Connection), new Random(i)));
            }

            foreach (var reader in running)
            {
                await reader;
            }
        });

        var sent = pairs.ConvertAll(static _ => new List<byte>());
        for (var step = 0; step < 2000; step++)
        {
            var i = random.Next(pairs.Count);
            var bytes = new byte[random.Next(1, random.Next(2, 3 * TurnInput.MaxPiece))];
            random.NextBytes(bytes);
            sent[i].AddRange(bytes);
            await pairs[i].Peer.SendAsync(bytes);
        }

        pairs.ForEach(static pair => pair.Peer.Shutdown(SocketShutdown.Send));
        await readers;
        for (var i = 0; i < pairs.Count; i++)
        {
            received[i].Should().Equal(sent[i]);
        }

        await OnWorkerAsync(() => Worker.Blocks.Rented.Should().Be(0));
    }

    [Fact]
    public async Task What_nobody_took_waits_and_is_dropped_with_its_connection()
    {
        var (first, peerOfFirst) = await ConnectAsync();
        var (second, peerOfSecond) = await ConnectAsync();
        await OnWorkerAsync(async () =>
        {
            first.ReceivesAhead = second.ReceivesAhead = true;
            var other = ReadLaterAsync(second);

            // Both arrive in one batch: the worker does not look meanwhile.
            peerOfFirst.Send("first"u8);
            peerOfSecond.Send("second"u8);
            (await first.Readable()).Should().Be(WaitResult.Ready);
            first.Receive(new byte[100]).Should().Be(5);
            second.Interrupt();
            (await other).Should().Be("sec");
            Worker.Blocks.Rented.Should().Be(1);
            second.Close();
            Worker.Blocks.Rented.Should().Be(0);
        });
    }

    private static async LoopTask<string> ReadLaterAsync(Connection connection)
    {
        (await connection.Readable()).Should().Be(WaitResult.Interrupted);
        await connection.Worker.NextTurn();
        var buffer = new byte[3];
        connection.HasUnreadBytes().Should().BeTrue();
        connection.HasUnreadInput().Should().BeTrue();
        return System.Text.Encoding.ASCII.GetString(buffer, 0, connection.Receive(buffer));
    }

    /// <summary>Reads in pieces of any length, now and then not all at once, and breaks off the waits of others.</summary>
    private static async LoopTask ReadAsync(Connection connection, List<byte> into, List<Connection> all, Random random)
    {
        var buffer = new byte[2 * TurnInput.MaxPiece];
        while (true)
        {
            var count = connection.Receive(buffer.AsSpan(0, random.Next(1, buffer.Length)));
            if (count > 0)
            {
                into.AddRange(buffer.AsSpan(0, count));
                if (random.Next(4) == 0)
                {
                    await connection.Worker.NextTurn();
                }
            }
            else if (count != Connection.WouldBlock)
            {
                count.Should().Be(Connection.EndOfStream);
                return;
            }
            else
            {
                if (random.Next(4) == 0)
                {
                    all[random.Next(all.Count)].Interrupt();
                }

                await connection.Readable();
            }
        }
    }
}
