using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>The pool that every buffer comes from.</summary>
public sealed class BlockPoolTests
{
    [Theory]
    [InlineData(1, BlockPool.Tiny)]
    [InlineData(BlockPool.Tiny, BlockPool.Tiny)]
    [InlineData(BlockPool.Tiny + 1, BlockPool.Small)]
    [InlineData(BlockPool.Small, BlockPool.Small)]
    [InlineData(BlockPool.Small + 1, BlockPool.Fair)]
    [InlineData(BlockPool.Fair + 1, BlockPool.Medium)]
    [InlineData(BlockPool.Medium + 1, BlockPool.Wide)]
    [InlineData(BlockPool.Wide + 1, BlockPool.Large)]
    [InlineData(BlockPool.Large, BlockPool.Large)]
    public void A_block_is_the_smallest_that_fits(int size, int expected)
    {
        var pool = new BlockPool();
        pool.Rent(size).Size.Should().Be(expected);
        pool.RentedBytes.Should().Be(expected);
        pool.SizeFor(size).Should().Be(expected);
    }

    [Fact]
    public void What_was_trimmed_does_not_come_again_and_what_is_held_stays_counted()
    {
        var pool = new BlockPool();
        var (held, kept) = (pool.Rent(1), pool.Rent(1));
        pool.Return(kept);

        pool.GiveBack();

        pool.Rented.Should().Be(1);
        pool.Rent(1).Should().NotBeSameAs(kept);
        pool.Return(held);
        pool.Rented.Should().Be(1);
    }

    [Fact]
    public void As_many_are_kept_as_were_rented_at_once_and_after_a_peak_fewer_with_each_period()
    {
        const int Peak = 5_000;
        var raised = 0;
        var pool = new BlockPool(() => raised++);
        var blocks = Enumerable.Range(0, Peak).Select(_ => pool.Rent(BlockPool.Medium)).ToArray();
        Array.ForEach(blocks, pool.Return);
        pool.SpareBytes.Should().Be(Peak * (long)BlockPool.Medium);
        raised.Should().Be(1);

        var allocated = AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < Peak; i++)
            {
                blocks[i] = pool.Rent(BlockPool.Medium);
            }

            Array.ForEach(blocks, pool.Return);
        });
        allocated.Should().BeLessThan(BlockPool.Tiny, "a second wave needs nothing new");

        // The period of the peak itself, and those behind it.
        pool.Fall(out var goesOn).Should().Be(0);
        goesOn.Should().BeTrue();
        var kept = new List<long>();
        while (goesOn)
        {
            pool.Fall(out goesOn);
            kept.Add(pool.SpareBytes / BlockPool.Medium);
        }

        kept.Should().Equal(2500, 1250, 625, 312, 256);
        raised.Should().Be(1);
        blocks = [.. Enumerable.Range(0, 300).Select(_ => pool.Rent(BlockPool.Medium))];
        raised.Should().Be(2);
        pool.Fall(out _);
        pool.Fall(out goesOn);
        goesOn.Should().BeTrue("they are still rented");
        Array.ForEach(blocks, pool.Return);
        pool.SpareBytes.Should().Be(300L * BlockPool.Medium);
    }

    [Fact]
    public void More_than_the_largest_is_refused()
    {
        var rent = () => new BlockPool().Rent(BlockPool.Large + 1);
        rent.Should().Throw<ArgumentOutOfRangeException>();
    }

    [Theory]
    [InlineData(BlockPool.Medium)]
    [InlineData(BlockPool.Wide)]
    [InlineData(BlockPool.Large)]
    public void What_nobody_holds_gives_its_pages_back_and_takes_new_memory_with_its_next_use(int size)
    {
        var memory = new MemoryAllowance();
        var pool = new BlockPool(memory: memory);
        var (held, spare) = (pool.Rent(size), pool.Rent(size));
        held.Bytes.AsSpan().Fill(1);
        pool.Return(spare);
        memory.Renew(size);

        pool.GiveBack();
        var pages = spare.Bytes.AsSpan(Environment.SystemPageSize, size - (2 * Environment.SystemPageSize)).ToArray();
        pool.Rent(size).Should().BeSameAs(spare);

        pages.Should().OnlyContain(static b => b == 0, "the system gives other pages in their place");
        held.Bytes.Should().OnlyContain(static b => b == 1);
        memory.IsScarce.Should().BeFalse("just so much was allowed");
        pool.Return(spare);
        pool.Rent(size);
        memory.IsScarce.Should().BeFalse("it had its memory");
        pool.Rent(size);
        memory.IsScarce.Should().BeTrue();
    }

    [Fact]
    public void The_block_returned_last_comes_next_and_stands_alone()
    {
        var pool = new BlockPool();
        var blocks = Enumerable.Range(0, 10).Select(_ => pool.Rent(1)).ToArray();
        blocks.Should().OnlyHaveUniqueItems();
        pool.Rented.Should().Be(10);
        foreach (var block in blocks)
        {
            pool.Return(block);
        }

        var next = pool.Rent(1);

        next.Should().BeSameAs(blocks[^1]);
        next.Next.Should().BeNull();
        pool.Rented.Should().Be(1);
    }

#if DEBUG
    [Fact]
    public void A_checked_build_finds_a_double_return_and_poisons_what_was_returned()
    {
        var pool = new BlockPool();
        var block = pool.Rent(1);
        pool.Return(block);

        var again = () => pool.Return(block);

        again.Should().Throw<InvalidOperationException>();
        block.Bytes.AsSpan().IndexOfAnyExcept((byte)0xDB).Should().Be(-1);
    }
#endif
}
