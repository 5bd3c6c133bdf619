using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2.Hpack;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>
/// Blocks that other encoders made, in the format of the hpack-test-case project: stories of blocks of one connection, each with its fields.
/// The large collection lies beside the repository; where it is missing, a few of our own remain.
/// </summary>
public sealed class HpackCaseTests
{
    private const string Collection = "../shared/http2/hpack-cases";

    [Theory]
    [InlineData("go-hpack", 3384)]
    [InlineData("nghttp2-change-table-size", 3267)]
    public void The_collection_decodes(string encoder, int blocks)
    {
        var folder = Repository.File(Path.Combine(Collection, encoder));
        Requires.That(Directory.Exists(folder), $"{Collection} is not beside the repository");
        Directory.GetFiles(folder, "*.json").Sum(Decode).Should().Be(blocks);
    }

    [Fact]
    public void Our_own_sample_decodes() => Decode(Repository.File("tests/Proxy.Tests/Http/Http2/Hpack/sample.json")).Should().BePositive();

    /// <summary>Decodes a story; returns how many blocks it has.</summary>
    private static int Decode(string path)
    {
        using var story = JsonDocument.Parse(File.ReadAllBytes(path));
        var decoder = new HpackDecoder(4096);
        var count = 0;
        foreach (var block in story.RootElement.GetProperty("cases").EnumerateArray())
        {
            var expected = block.GetProperty("headers").EnumerateArray().SelectMany(static field => field.EnumerateObject()).Select(static field => $"{field.Name}: {field.Value.GetString()}");
            var fields = new TakenFields();
            var status = decoder.Decode(Convert.FromHexString(block.GetProperty("wire").GetString()!), ref fields);
            (status, string.Join('\n', fields.Texts)).Should().Be((HpackStatus.Done, string.Join('\n', expected)), "{0} says so of block {1}", path, count);
            count++;
        }

        return count;
    }
}
