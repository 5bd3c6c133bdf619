using System.Net.Sockets;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>What connections send in one turn of the loop, as their peers see it.</summary>
public sealed class TurnOutputTests : WorkerConnections
{
    [Fact]
    public async Task Pieces_of_a_turn_leave_together_and_in_order()
    {
        var (connection, peer) = await ConnectAsync();
        await OnWorkerAsync(() =>
        {
            connection.Send("one "u8).Should().BeTrue();
            connection.Send("two "u8, "three"u8).Should().BeTrue();
            connection.PendingOutput.Should().Be(13);
            connection.BytesSent.Should().Be(0);
        });

        // A single call of the sender's is a single segment here.
        var buffer = new byte[100];
        var count = await peer.ReceiveAsync(buffer).WaitAsync(Patience.Limit);
        System.Text.Encoding.ASCII.GetString(buffer, 0, count).Should().Be("one two three");
        await OnWorkerAsync(() => (connection.PendingOutput, connection.BytesSent).Should().Be((0, 13L)));
    }

    [Fact]
    public async Task Every_length_keeps_its_place_beside_others()
    {
        var random = new Random(5);
        var pairs = new List<(Connection Connection, Socket Peer)>();
        for (var i = 0; i < 100; i++)
        {
            pairs.Add(await ConnectAsync());
        }

        var sent = pairs.ConvertAll(static _ => new List<byte>());
        for (var turn = 0; turn < 20; turn++)
        {
            await OnWorkerAsync(() =>
            {
                for (var step = 0; step < 200; step++)
                {
                    var i = random.Next(pairs.Count);
                    var bytes = new byte[random.Next(random.Next(1, 2 * TurnOutput.MaxPiece))];
                    random.NextBytes(bytes);
                    var cut = random.Next(bytes.Length + 1);
                    sent[i].AddRange(bytes);
                    pairs[i].Connection.Send(bytes.AsSpan(0, cut), bytes.AsSpan(cut)).Should().BeTrue();
                }
            });
        }

        await OnWorkerAsync(() => pairs.ForEach(static pair => pair.Connection.Close()));
        for (var i = 0; i < pairs.Count; i++)
        {
            (await ReadToEndAsync(pairs[i].Peer)).Should().Equal(sent[i]);
        }
    }

    [Fact]
    public async Task What_was_sent_before_a_close_or_a_FIN_arrives()
    {
        var (closed, peerOfClosed) = await ConnectAsync();
        var (ended, peerOfEnded) = await ConnectAsync();
        var (last, peerOfLast) = await ConnectAsync();
        await OnWorkerAsync(() =>
        {
            closed.Send("closed"u8);
            closed.Close();
            ended.Send("ended"u8);
            ended.ShutdownWrite();
            last.Send("last"u8);
            last.SendLast().Should().BeTrue();
            last.Close();
        });
        (await ReadToEndAsync(peerOfClosed)).Should().Equal("closed"u8.ToArray());
        (await ReadToEndAsync(peerOfEnded)).Should().Equal("ended"u8.ToArray());
        (await ReadToEndAsync(peerOfLast)).Should().Equal("last"u8.ToArray());
    }

    [Fact]
    public async Task The_last_piece_is_not_closed_upon_while_others_wait()
    {
        var (connection, peer) = await ConnectAsync();
        var large = new byte[64 * 1024 * 1024];
        await OnWorkerAsync(() =>
        {
            connection.Send(large).Should().BeTrue();
            connection.Send("behind"u8).Should().BeTrue();
            connection.SendLast().Should().BeFalse();
        });
        var read = Task.Run(() => ReadToEndAsync(peer));
        await OnWorkerAsync(async () =>
        {
            await connection.FlushedAsync();
            connection.Close();
        });
        var bytes = await read;
        bytes.Length.Should().Be(large.Length + 6);
        bytes[^6..].Should().Equal("behind"u8.ToArray());
    }

    [Fact]
    public async Task A_reset_drops_what_waits()
    {
        var (connection, peer) = await ConnectAsync();
        await OnWorkerAsync(() =>
        {
            connection.Send("never"u8);
            connection.Close(reset: true);
        });
        var read = async () => await ReadToEndAsync(peer);
        (await read.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionReset);
    }

    [Fact]
    public async Task Who_waits_for_an_answer_is_woken_where_the_question_cannot_be_sent()
    {
        var (connection, peer) = await ConnectAsync();
        await OnWorkerAsync(async () =>
        {
            // The reset comes while the worker does not look.
            peer.LingerState = new LingerOption(enable: true, seconds: 0);
            peer.Close();
            connection.Send("question"u8).Should().BeTrue();
            (await connection.Readable()).Should().Be(WaitResult.Ready);
            connection.Receive(new byte[10]).Should().Be(Connection.Broken);
            connection.Send("again"u8).Should().BeFalse();
        });
    }
}
