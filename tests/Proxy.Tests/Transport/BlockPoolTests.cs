using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>The pool that every buffer comes from.</summary>
public sealed class BlockPoolTests
{
    [Theory]
    [InlineData(1, BlockPool.Tiny)]
    [InlineData(BlockPool.Tiny, BlockPool.Tiny)]
    [InlineData(BlockPool.Tiny + 1, BlockPool.Small)]
    [InlineData(BlockPool.Small, BlockPool.Small)]
    [InlineData(BlockPool.Small + 1, BlockPool.Medium)]
    [InlineData(BlockPool.Medium + 1, BlockPool.Large)]
    [InlineData(BlockPool.Large, BlockPool.Large)]
    public void A_block_is_the_smallest_that_fits(int size, int expected) => new BlockPool().Rent(size).Size.Should().Be(expected);

    [Fact]
    public void What_was_trimmed_does_not_come_again_and_what_is_held_stays_counted()
    {
        var pool = new BlockPool();
        var (held, kept) = (pool.Rent(1), pool.Rent(1));
        pool.Return(kept);

        pool.Trim();

        pool.Rented.Should().Be(1);
        pool.Rent(1).Should().NotBeSameAs(kept);
        pool.Return(held);
        pool.Rented.Should().Be(1);
    }

    [Fact]
    public void More_than_the_largest_is_refused()
    {
        var rent = () => new BlockPool().Rent(BlockPool.Large + 1);
        rent.Should().Throw<ArgumentOutOfRangeException>();
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
