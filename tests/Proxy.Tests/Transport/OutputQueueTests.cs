using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>Queued output and the blocks it lies in.</summary>
public sealed class OutputQueueTests
{
    [Fact]
    public void Random_appends_and_consumes_keep_order_and_give_every_block_back()
    {
        var random = new Random(2);
        var pool = new BlockPool();
        var queue = new OutputQueue(pool);
        byte written = 0;
        byte read = 0;
        for (var step = 0; step < 5_000; step++)
        {
            if (random.Next(2) == 0)
            {
                var bytes = new byte[random.Next(random.Next(1, 60_000))];
                foreach (ref var b in bytes.AsSpan())
                {
                    b = written++;
                }

                queue.Append(bytes);
            }
            else if (queue.Length > 0)
            {
                queue.Head.Length.Should().BePositive();
                var count = random.Next(1, queue.Head.Length + 1);
                foreach (var b in queue.Head[..count])
                {
                    if (b != read++)
                    {
                        Assert.Fail($"out of order at step {step}");
                    }
                }

                queue.Consume(count);
            }
        }

        pool.RentedBytes.Should().BeLessThanOrEqualTo(queue.Length + (2 * BlockPool.Medium));
        while (queue.Length > 0)
        {
            queue.Consume(queue.Head.Length);
        }

        pool.Rented.Should().Be(0);
        queue.Append(new byte[100_000]);
        queue.Clear();
        queue.Length.Should().Be(0);
        queue.Head.Length.Should().Be(0);
        pool.Rented.Should().Be(0);
    }
}
