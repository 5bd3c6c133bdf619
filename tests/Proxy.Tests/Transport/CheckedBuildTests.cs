using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>What only the checked build, which the tests run on, finds at once.</summary>
public sealed class CheckedBuildTests
{
    private const int Poison = 0xDB;

    [Fact]
    public void A_block_that_is_returned_twice_is_found()
    {
        var pool = new BlockPool();
        var block = pool.Rent(1);
        pool.Return(block);
        pool.Invoking(one => one.Return(block)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void A_returned_block_is_poisoned()
    {
        var pool = new BlockPool();
        var block = pool.Rent(1);
        block.Bytes[0] = 1;
        pool.Return(block);
        block.Bytes.Should().OnlyContain(static b => b == Poison);
    }

    [Fact]
    public void A_block_that_is_written_after_its_return_is_found()
    {
        var pool = new BlockPool();
        var block = pool.Rent(1);
        pool.Return(block);
        block.Bytes[7] = 1;
        pool.Invoking(static one => one.Rent(1)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void A_slot_that_was_given_up_is_found_when_it_is_used()
    {
        using var poller = new Poller();
        poller.Invoking(static one => one.SetOrder(new PollHandle(0, 1), DispatchOrder.News)).Should().Throw<InvalidOperationException>();
        poller.Invoking(static one => one.Forget(new PollHandle(0, 1))).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void A_number_that_does_not_fit_is_found()
    {
        var write = static () =>
        {
            var writer = new ByteWriter(new byte[2]);
            writer.WriteNumber(100);
        };
        write.Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void More_than_the_front_of_the_output_cannot_be_consumed()
    {
        var queue = new OutputQueue(new BlockPool());
        queue.Append("abc"u8);
        queue.Invoking(static one => one.Consume(4)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void A_loop_task_that_is_awaited_again_is_found()
    {
        var release = new Gate();
        var task = WaitAsync(release);
        release.Open();
        ResultOf(task).Should().Be(1);
        var again = () => ResultOf(task);
        again.Should().Throw<InvalidOperationException>();

        static async LoopTask<int> WaitAsync(Gate gate)
        {
            await gate;
            return 1;
        }
    }

    private static int ResultOf(LoopTask<int> task) => task.GetAwaiter().GetResult();

    /// <summary>Lets one waiter go on when it is opened.</summary>
    private sealed class Gate : ILoopAwaiter
    {
        private LoopContinuation? _continuation;

        public bool IsCompleted => false;

        public Gate GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(LoopContinuation continuation) => _continuation = continuation;

        public void Open() => _continuation!.Resume();
    }
}
