using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>What an encoder sends, by section of RFC 7541 where that says so.</summary>
public sealed class HpackEncoderTests
{
    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new(4096);

    [Theory]
    [InlineData(":method", "GET", "82")]
    [InlineData(":method", "POST", "83")]
    [InlineData(":path", "/", "84")]
    [InlineData(":scheme", "https", "87")]
    [InlineData(":status", "404", "8d")]
    [InlineData("accept-encoding", "gzip, deflate", "90")]
    [InlineData("accept", "", "93")]
    public void Fields_of_the_static_table_are_one_byte(string name, string value, string hex) => _encoder.Hex((name, value)).Should().Be(hex);

    [Theory]
    [InlineData(200, "88")]
    [InlineData(204, "89")]
    [InlineData(206, "8a")]
    [InlineData(304, "8b")]
    [InlineData(400, "8c")]
    [InlineData(404, "8d")]
    [InlineData(500, "8e")]
    public void Statuses_of_the_static_table_are_one_byte(int status, string hex) => Status(status).Should().Be(hex);

    [Fact]
    public void Other_statuses_go_into_the_dynamic_table()
    {
        Status(503).Should().Be("4803353033");
        Status(503).Should().Be("be");
        Status(101).Should().StartWith("48");
        Status(503).Should().Be("bf");
    }

    [Fact]
    public void Fields_of_few_values_are_indexed_at_once()
    {
        (string, string)[] fields = [(":status", "200"), ("server", "envoy"), ("content-type", "application/grpc"), ("x-powered-by", "test"), ("grpc-status", "0")];
        _encoder.Block(fields);
        _encoder.Hex(fields).Should().Be("88c1c0bfbe");
        _encoder.Entries.Should().Be(4);
    }

    [Theory]
    [InlineData(":path", "/package.Service/Method")]
    [InlineData("user-agent", "grpc-dotnet/2.0")]
    [InlineData("date", "Mon, 21 Oct 2013 20:13:21 GMT")]
    [InlineData("cookie", "session=0123456789abcdef")]
    public void Fields_that_may_come_once_are_indexed_when_they_come_again(string name, string value)
    {
        _encoder.Block((name, value)).Should().HaveCountGreaterThan(5);
        _encoder.Entries.Should().Be(0);
        _encoder.Block((name, value)).Should().HaveCountGreaterThan(5);
        _encoder.Hex((name, value)).Should().Be("be");
    }

    [Theory]
    [InlineData("content-length", "123")]
    [InlineData("etag", "\"abc\"")]
    public void Values_that_change_each_time_stay_out_of_the_table(string name, string value)
    {
        for (var i = 0; i < 3; i++)
        {
            _encoder.Block((name, value));
        }

        _encoder.Entries.Should().Be(0);
    }

    [Fact]
    public void A_name_that_no_table_has_goes_in_once_to_be_referred_to()
    {
        for (var i = 10; i < 60; i++)
        {
            var block = _encoder.Block(("x-request-id", $"{i}"), ("x-envoy-upstream-service-time", $"{i}"));
            block.Should().HaveCountLessThanOrEqualTo(i == 10 ? 50 : 10);
            _decoder.Taken(block).Select(static field => field.Value).Should().Equal($"{i}", $"{i}");
        }

        _encoder.Entries.Should().Be(2);
    }

    [Theory]
    [InlineData("authorization", "Bearer 0123456789abcdef0123456789abcdef", "1f08")]
    [InlineData("proxy-authorization", "Basic eDp5", "1f22")]
    [InlineData("set-cookie", "a=b; Secure", "1f28")]
    [InlineData("cookie", "a=b", "1f11")]
    [InlineData("x-api-key", "0123456789abcdef", "10")]
    public void S7_1_3_secrets_are_never_indexed(string name, string value, string beginning)
    {
        for (var i = 0; i < 3; i++)
        {
            _encoder.Hex((name, value)).Should().StartWith(beginning);
        }

        _encoder.Entries.Should().Be(0);
    }

    [Fact]
    public void S6_2_3_a_field_that_was_never_indexed_stays_so()
    {
        for (var i = 0; i < 3; i++)
        {
            var writer = new ByteWriter(new byte[100]);
            _encoder.Begin(ref writer);
            _encoder.Write(ref writer, "server"u8, "a"u8, isNeverIndexed: true);
            _encoder.Write(ref writer, ":method"u8, "GET"u8, isNeverIndexed: true);
            var taken = _decoder.Taken(writer.Written);
            taken.Should().HaveCount(2).And.OnlyContain(static field => field.IsNeverIndexed);
        }

        _encoder.Entries.Should().Be(0);
    }

    [Fact]
    public void S4_2_a_smaller_table_is_said_at_the_beginning_of_the_next_block()
    {
        _encoder.Block(("server", "a"), ("x-a", "b"));
        _encoder.SetPeerTableSize(100);
        _encoder.Hex((":method", "GET")).Should().Be("3f4582");
        _encoder.Hex((":method", "GET")).Should().Be("82");
        _encoder.TableSize.Should().BeLessThanOrEqualTo(100);
    }

    [Fact]
    public void S4_2_of_several_sizes_the_smallest_and_the_last_are_said()
    {
        _encoder.Block(("server", "a"));
        _encoder.SetPeerTableSize(2000);
        _encoder.SetPeerTableSize(0);
        _encoder.SetPeerTableSize(100);
        _encoder.SetPeerTableSize(4096);
        _encoder.Hex((":method", "GET")).Should().Be("203fe11f82");
        _encoder.Entries.Should().Be(0);
    }

    [Fact]
    public void S4_2_a_larger_table_than_the_default_is_not_used()
    {
        _encoder.SetPeerTableSize(int.MaxValue);
        _encoder.Hex((":method", "GET")).Should().Be("82");
        _encoder.SetPeerTableSize(4096);
        _encoder.Hex((":method", "GET")).Should().Be("82");
    }

    [Fact]
    public void Without_a_table_there_are_literals()
    {
        _encoder.SetPeerTableSize(0);
        _encoder.Hex((":method", "GET"), ("server", "a"), ("server", "a")).Should().Be("20820f2701610f270161");
        _encoder.SetPeerTableSize(4096);
        _encoder.Hex((":method", "GET"), ("server", "a"), ("server", "a")).Should().Be("3fe11f82760161be");
    }

    [Fact]
    public void A_field_that_would_fill_the_table_alone_stays_out_of_it()
    {
        _encoder.Block(("server", "a"), ("x-large", new string('%', 3000)));
        _encoder.Entries.Should().Be(1);
    }

    [Fact]
    public void No_field_takes_more_than_the_given_maximum()
    {
        foreach (var length in (int[])[0, 1, 126, 127, 128, 254, 255, 16_000, 100_000])
        {
            var text = new string('\u00ff', length);
            var writer = new ByteWriter(new byte[HpackEncoder.MaxLength(length, length)]);
            _encoder.Write(ref writer, System.Text.Encoding.Latin1.GetBytes(text), System.Text.Encoding.Latin1.GetBytes(text));
            writer.Length.Should().BeGreaterThanOrEqualTo(2 * length);
        }
    }

    [Fact]
    public void Steady_traffic_takes_nothing_of_the_heap()
    {
        var values = Enumerable.Range(0, 600).Select(static i => System.Text.Encoding.ASCII.GetBytes($"{i}")).ToArray();
        var least = long.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var encoder = new HpackEncoder();
            var buffer = new byte[1000];
            var before = 0L;
            for (var i = 0; i < values.Length; i++)
            {
                before = i == 500 ? GC.GetAllocatedBytesForCurrentThread() : before;
                var writer = new ByteWriter(buffer);
                encoder.Begin(ref writer);
                encoder.WriteStatus(ref writer, 200 + (i % 9));
                encoder.Write(ref writer, "date"u8, values[i / 10]);
                encoder.Write(ref writer, "server"u8, "envoy"u8);
                encoder.Write(ref writer, "x-some"u8, values[i]);
                encoder.Write(ref writer, "etag"u8, values[i]);
                encoder.Write(ref writer, "content-type"u8, values[i]);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        least.Should().Be(0);
    }

    private string Status(int status)
    {
        var writer = new ByteWriter(new byte[32]);
        _encoder.Begin(ref writer);
        _encoder.WriteStatus(ref writer, status);
        return Convert.ToHexStringLower(writer.Written);
    }
}
