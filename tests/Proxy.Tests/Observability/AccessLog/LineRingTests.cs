using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

public sealed class LineRingTests
{
    [Fact]
    public void Bytes_come_out_as_they_went_in_whatever_the_order_of_puts_and_takes() =>
        Gen.Int[-20, 20].Array[0, 300].Sample(steps =>
        {
            var ring = new LineRing(32);
            var expected = new Queue<byte>();
            byte next = 0;
            foreach (var step in steps)
            {
                if (step > 0)
                {
                    Put(ring, step, ref next, expected);
                }
                else
                {
                    Take(ring, -step, expected);
                }
            }

            while (expected.Count > 0)
            {
                Take(ring, 32, expected).Should().BeTrue();
            }

            ring.Peek().IsEmpty.Should().BeTrue();
        });

    [Fact]
    public void An_empty_ring_has_room_for_half_of_it_wherever_its_place_is()
    {
        for (var place = 0; place < 64; place++)
        {
            var ring = new LineRing(64);
            ring.CommitAtTail(Math.Min(place, 63));
            ring.Release(ring.Peek().Length);

            Math.Max(ring.RoomAtTail().Length, ring.RoomAtFront().Length).Should().BeGreaterThanOrEqualTo(31);
        }
    }

    [Fact]
    public async Task One_producer_and_one_consumer_lose_nothing()
    {
        const int total = 100_000;
        var ring = new LineRing(97);
        var consumer = Task.Run(() =>
        {
            byte expected = 0;
            for (var taken = 0; taken < total;)
            {
                var bytes = ring.Peek();
                foreach (var value in bytes)
                {
                    if (value != expected++)
                    {
                        return false;
                    }
                }

                taken += bytes.Length;
                ring.Release(bytes.Length);
                if (bytes.IsEmpty)
                {
                    Thread.Yield();
                }
            }

            return true;
        });

        byte next = 0;
        for (var put = 0; put < total && !consumer.IsCompleted;)
        {
            var length = Math.Min(1 + (put % 23), total - put);
            if (TryPut(ring, length, ref next))
            {
                put += length;
            }
            else
            {
                Thread.Yield();
            }
        }

        (await consumer).Should().BeTrue();
    }

    private static void Put(LineRing ring, int length, ref byte next, Queue<byte> expected)
    {
        var first = next;
        if (TryPut(ring, length, ref next))
        {
            for (var i = 0; i < length; i++)
            {
                expected.Enqueue(first++);
            }
        }
    }

    private static bool TryPut(LineRing ring, int length, ref byte next)
    {
        var atTail = ring.RoomAtTail();
        var room = atTail.Length >= length ? atTail : ring.RoomAtFront();
        if (room.Length < length)
        {
            return false;
        }

        for (var i = 0; i < length; i++)
        {
            room[i] = next++;
        }

        if (atTail.Length >= length)
        {
            ring.CommitAtTail(length);
        }
        else
        {
            ring.CommitAtFront(length);
        }

        return true;
    }

    private static bool Take(LineRing ring, int atMost, Queue<byte> expected)
    {
        var bytes = ring.Peek();
        bytes = bytes[..Math.Min(atMost, bytes.Length)];
        foreach (var value in bytes)
        {
            value.Should().Be(expected.Dequeue());
        }

        ring.Release(bytes.Length);
        return bytes.Length > 0;
    }
}
