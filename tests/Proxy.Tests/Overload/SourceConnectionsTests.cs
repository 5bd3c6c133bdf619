using System.Net;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Overload;

/// <summary>Connections are counted by source, exactly, whatever comes and goes.</summary>
public sealed class SourceConnectionsTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1", true)]
    [InlineData("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("::", "0.0.0.0", false)]
    public void An_address_of_IPv4_is_a_source_and_of_IPv6_its_network(string first, string second, bool isSame)
    {
        var connections = new SourceConnections(new SourceConnectionLimit(1));

        connections.TryTake(Address(first)).Should().Be(SourceVerdict.Counted);
        connections.TryTake(Address(second)).Should().Be(isSame ? SourceVerdict.Refused : SourceVerdict.Counted);
    }

    [Fact]
    public void How_many_bits_make_a_source_can_be_said()
    {
        var connections = new SourceConnections(new SourceConnectionLimit(1, 24, 128));

        connections.TryTake(Address("10.0.0.1")).Should().Be(SourceVerdict.Counted);
        connections.TryTake(Address("10.0.0.2")).Should().Be(SourceVerdict.Refused);
        connections.TryTake(Address("10.0.1.1")).Should().Be(SourceVerdict.Counted);
        connections.TryTake(Address("::1")).Should().Be(SourceVerdict.Counted);
        connections.TryTake(Address("::2")).Should().Be(SourceVerdict.Counted);
    }

    [Fact]
    public void It_counts_like_a_dictionary()
    {
        // Few and many sources, so that shards grow, fill and have their entries moved.
        Gen.Select(Gen.Int[1, 20_000], Gen.Int[1, 3], Gen.Int[0, 99].Array[2_000, 30_000], Gen.UInt).Sample(
            static (sources, limit, steps, seed) =>
            {
                var connections = new SourceConnections(new SourceConnectionLimit(limit));
                var model = new Dictionary<uint, int>();
                var open = new List<uint>();
                var next = seed;
                foreach (var step in steps)
                {
                    next = (next * 1_664_525) + 1_013_904_223;
                    if (step < 60 || open.Count == 0)
                    {
                        var source = (next >> 8) % (uint)sources;
                        var before = model.GetValueOrDefault(source);
                        var verdict = connections.TryTake(Address(source));
                        if (verdict != (before < limit ? SourceVerdict.Counted : SourceVerdict.Refused))
                        {
                            throw new InvalidOperationException($"{verdict} with {before} of {limit}");
                        }

                        if (verdict == SourceVerdict.Counted)
                        {
                            model[source] = before + 1;
                            open.Add(source);
                        }
                    }
                    else
                    {
                        var at = (int)((next >> 8) % (uint)open.Count);
                        var source = open[at];
                        open[at] = open[^1];
                        open.RemoveAt(open.Count - 1);
                        connections.Return(Address(source));
                        model[source]--;
                    }
                }

                foreach (var source in open)
                {
                    connections.Return(Address(source));
                }

                if (connections.Count != 0)
                {
                    throw new InvalidOperationException($"{connections.Count} sources are left");
                }
            },
            iter: 50, threads: 1);
    }

    [Fact]
    public void There_is_a_most_of_sources_and_those_beyond_are_let_in_uncounted()
    {
        var connections = new SourceConnections(new SourceConnectionLimit(1));
        var verdicts = Enumerable.Range(0, 2 * SourceConnections.MaxSources).Select(i => connections.TryTake(Address((uint)i))).ToArray();

        verdicts.Should().NotContain(SourceVerdict.Refused).And.Contain(SourceVerdict.Uncounted);
        connections.Count.Should().Be(SourceConnections.MaxSources);
        connections.TryTake(Address((uint)Array.IndexOf(verdicts, SourceVerdict.Counted))).Should().Be(SourceVerdict.Refused);
    }

    [Fact]
    public void Workers_that_take_and_return_at_once_leave_nothing_behind_and_never_exceed_the_limit()
    {
        var connections = new SourceConnections(new SourceConnectionLimit(2));
        var inside = new int[50];
        var exceeded = 0;
        Parallel.For(0, 4, worker =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                var source = (i * (worker + 1)) % inside.Length;
                if (connections.TryTake(Address((uint)source)) == SourceVerdict.Counted)
                {
                    if (Interlocked.Increment(ref inside[source]) > 2)
                    {
                        Interlocked.Increment(ref exceeded);
                    }

                    Interlocked.Decrement(ref inside[source]);
                    connections.Return(Address((uint)source));
                }
            }
        });

        exceeded.Should().Be(0);
        connections.Count.Should().Be(0);
    }

    [Fact]
    public void Once_it_has_grown_nothing_is_allocated()
    {
        var connections = new SourceConnections(new SourceConnectionLimit(1));
        var addresses = Enumerable.Range(0, 1_000).Select(static i => Address((uint)i)).ToArray();
        void Round()
        {
            foreach (var address in addresses)
            {
                connections.TryTake(address);
            }

            foreach (var address in addresses)
            {
                connections.Return(address);
            }
        }

        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
    }

    [Fact]
    public void Another_limit_counts_what_is_there_and_other_sources_cannot()
    {
        var connections = new SourceConnections(new SourceConnectionLimit(1));
        connections.TryTake(Address(1));

        connections.TryChange(new SourceConnectionLimit(2)).Should().BeTrue();
        connections.TryTake(Address(1)).Should().Be(SourceVerdict.Counted);
        connections.TryTake(Address(1)).Should().Be(SourceVerdict.Refused);
        connections.TryChange(new SourceConnectionLimit(2, 24)).Should().BeFalse();
    }

    private static IpAddress Address(string text) => IpAddress.From(IPAddress.Parse(text));

    private static IpAddress Address(uint number) => IpAddress.From(new IPAddress([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]));
}
